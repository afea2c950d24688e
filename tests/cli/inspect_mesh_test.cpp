// `kumiko inspect mesh` as a user runs it: no ranks are started.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kumiko/base/file.h"
#include "support/subprocess.h"

namespace kumiko {
namespace {

using test::Finished;

Finished inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {KUMIKO_PROGRAM, "inspect"});
  return test::run_program(arguments);
}

// `mesh` of `num_ranks` ranks with further options.
Finished inspect_mesh(int num_ranks, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"mesh", "--num-ranks", std::to_string(num_ranks)};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return inspect(arguments);
}

void expect_error(const Finished& finished, const std::string& message) {
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.output, "error: " + message + "\n");
}

void expect_says(const Finished& finished, const std::string& text) {
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_NE(finished.output.find(text), std::string::npos) << finished.output;
}

TEST(InspectMesh, ShowsRanksAndAxes) {
  const Finished finished = inspect_mesh(8, {"--tensor-model-parallel-size", "2", "--ranks-per-node", "4"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(finished.output,
            "4 data x 1 pipeline x 1 context x 2 tensor, ranks in the order tensor-context-pipeline-data, 4 a node\n"
            "\n"
            "    rank   data  pipeline  context  tensor   place\n"
            "       0      0         0        0       0   node 0\n"
            "       1      0         0        0       1   node 0\n"
            "       2      1         0        0       0   node 0\n"
            "       3      1         0        0       1   node 0\n"
            "       4      2         0        0       0   node 1\n"
            "       5      2         0        0       1   node 1\n"
            "       6      3         0        0       0   node 1\n"
            "       7      3         0        0       1   node 1\n"
            "\n"
            "axis        size   groups   first group              lie in\n"
            "tensor         2        4   0, 1                     4 in one node\n"
            "data           4        2   0, 2, 4, 6               2 over the network\n");
}

TEST(InspectMesh, RefusesSizes) {
  for (const char* ranks_per_node : {"0", "-1"}) {
    expect_error(inspect_mesh(8, {"--ranks-per-node", ranks_per_node}),
                 std::string(ranks_per_node) + " ranks a node: expected 1 to 16777216");
  }
  expect_error(inspect_mesh(8, {"--tensor-model-parallel-size", "4294967296", "--context-parallel-size", "4294967296"}),
               "parallel.tensor_model_parallel_size = 4294967296: expected 1 to 16777216");
  expect_error(inspect_mesh(10, {"--tensor-model-parallel-size", "4"}),
               "parallel.tensor_model_parallel_size = 4 does not divide 10 ranks: take 8 or 12 ranks, or 2 or 5 for "
               "parallel.tensor_model_parallel_size");
}

TEST(InspectMesh, SaysWhereATorusIsNotCut) {
  const std::string advice =
      "the groups do not cut this torus into boxes, so the ranks walk through it in one line; a torus of 7x3x1 with 1 "
      "a node would be cut\n";
  expect_says(inspect_mesh(21, {"--pipeline-model-parallel-size", "7", "--torus", "5x5"}), advice);
  const Finished cut = inspect_mesh(21, {"--pipeline-model-parallel-size", "7", "--torus", "7x3"});
  expect_says(cut, "links from a rank to the next of its group, on a torus of 7x3x1\npipeline  1.00 on average");
  EXPECT_EQ(cut.output.find("cut this torus"), std::string::npos);
}

TEST(InspectMesh, WritesTheFileForMpiexec) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("inspect_mesh_" + std::to_string(::getpid()));
  expect_says(inspect_mesh(4, {"--torus", "2x2", "--vcoordfile", path}),
              path.string() + " is for mpiexec --vcoordfile");
  EXPECT_EQ(read_text_file(path), "(0,0)\n(1,0)\n(1,1)\n(0,1)\n");
  std::filesystem::remove(path);
  expect_error(inspect_mesh(4, {"--vcoordfile", path}), "--vcoordfile is of a torus: give its shape with --torus");
}

TEST(InspectMesh, PlacesOnAFatTree) {
  const std::vector<std::string> sizes = {"--tensor-model-parallel-size", "2", "--pipeline-model-parallel-size", "3"};
  std::vector<std::string> options = sizes;
  options.insert(options.end(), {"--fat-tree", "2x2x3"});
  const Finished pods = inspect_mesh(12, options);
  expect_says(pods, "       6      1         0        0       0   pod 1, leaf 0, node 6\n");
  expect_says(pods, "pipeline       3        4   0, 2, 4                  4 in one pod\n");
  options.back() = "4x3";
  expect_says(inspect_mesh(12, options), "pipeline       3        4   0, 2, 4                  4 over the network\n");
  options.back() = "3";
  expect_error(inspect_mesh(12, options),
               "fat tree \"3\": expected LEAVESxNODES as 24x16, or PODSxLEAVESxNODES as 8x24x16");
  expect_error(inspect_mesh(12, {"--fat-tree", "3x4", "--torus", "3x4"}),
               "--torus and --fat-tree are two networks: give one of them");
}

TEST(InspectMesh, TakesNothingThatIsOfFiles) {
  expect_error(inspect({"run/step-1", "mesh", "--num-ranks", "8"}),
               "inspect run/step-1 mesh: the mesh of a job takes no path; leave it out, or inspect the file alone");
  expect_error(inspect({"--json", "mesh", "--num-ranks", "8"}),
               "inspect --json mesh: --json is for files; leave it out");
}

}  // namespace
}  // namespace kumiko
