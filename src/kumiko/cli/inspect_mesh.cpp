#include "kumiko/cli/inspect_mesh.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <numeric>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/cli/step_options.h"
#include "kumiko/comm/run.h"
#include "kumiko/mesh/fat_tree.h"
#include "kumiko/mesh/mesh_table.h"
#include "kumiko/mesh/node_groups.h"
#include "kumiko/mesh/torus.h"
#include "kumiko/train/rank_placement.h"

namespace kumiko {
namespace {

struct MeshArguments {
  int64_t num_ranks = 0;  // 0: those that this command was started on
  MeshSizes sizes{0, 1, 1, 1};
  std::string rank_order = to_string(default_rank_order);
  int64_t ranks_per_node = 1;
  ParallelOptions parallel;  // how ranks that are there are placed
  std::string torus;
  std::string vcoordfile;
  std::string fat_tree;
  int64_t most_rows = 32;
};

// Consecutive ranks fill nodes.
SharedLevel nodes_in_order(const Mesh& mesh, int64_t ranks_per_node) {
  SharedLevel node{"node", {}};
  for (int64_t rank = 0; rank < mesh.size(); ++rank) node.of_rank.push_back(rank / ranks_per_node);
  return node;
}

void show_tables(const Mesh& mesh, const MeshArguments& arguments, const std::vector<std::string>& places,
                 const std::vector<SharedLevel>& levels) {
  fmt::print("{}, ranks in the order {}, {} a node\n\n{}\n{}", mesh.to_string(), to_string(mesh.order()),
             arguments.ranks_per_node, rank_table(mesh, places, arguments.most_rows),
             axis_table(mesh, levels, "network"));
}

void show_in_order(const Mesh& mesh, const MeshArguments& arguments) {
  const SharedLevel node = nodes_in_order(mesh, arguments.ranks_per_node);
  std::vector<std::string> places;
  for (const int64_t number : node.of_rank) places.push_back(fmt::format("node {}", number));
  show_tables(mesh, arguments, places, {node});
}

void show_on_fat_tree(const Mesh& mesh, const MeshArguments& arguments) {
  const std::vector<TreeNode> nodes = parse_fat_tree(arguments.fat_tree);
  FatTreePlacement placement = place_on_fat_tree(mesh, nodes, arguments.ranks_per_node);
  const bool has_pods = nodes.front().pod != nodes.back().pod;
  std::vector<std::string> places;
  for (const int64_t node : placement.nodes) {
    const TreeNode& place = nodes[static_cast<size_t>(node)];
    places.push_back(
        fmt::format("{}leaf {}, node {}", has_pods ? fmt::format("pod {}, ", place.pod) : "", place.leaf, node));
  }
  if (!has_pods) placement.levels.pop_back();
  show_tables(mesh, arguments, places, placement.levels);
}

void show_on_torus(const Mesh& mesh, const MeshArguments& arguments) {
  const TorusShape torus = parse_torus(arguments.torus);
  const TorusPlacement placement = place_on_torus(mesh, torus, arguments.ranks_per_node);
  std::vector<std::string> places;
  for (const NodeCoordinate& node : placement.nodes)
    places.push_back(fmt::format("({},{},{})", node[0], node[1], node[2]));
  show_tables(mesh, arguments, places, {nodes_in_order(mesh, arguments.ranks_per_node)});
  fmt::print("\nlinks from a rank to the next of its group, on a torus of {}\n", to_string(torus));
  for (const Axis axis : mesh.order()) {
    const AxisHops& hops = placement.hops[static_cast<size_t>(axis)];
    if (mesh.size(axis) > 1) fmt::print("{:<9} {:.2f} on average, {} at most\n", name_of(axis), hops.mean, hops.most);
  }
  if (!placement.in_boxes) {
    const FittingTorus fitting = fitting_torus(mesh, arguments.ranks_per_node);
    fmt::print(
        "the groups do not cut this torus into boxes, so the ranks walk through it in one line; a torus of {} "
        "with {} a node would be cut\n",
        to_string(fitting.torus), fitting.ranks_per_node);
  }
  if (arguments.vcoordfile.empty()) return;
  AtomicFile file(arguments.vcoordfile);
  file.write(vcoordfile(placement, torus));
  file.commit();
  fmt::print("{} is for mpiexec --vcoordfile\n", arguments.vcoordfile);
}

void show_planned(const MeshArguments& arguments) {
  const Mesh mesh = Mesh::for_ranks(arguments.num_ranks, arguments.sizes, parse_rank_order(arguments.rank_order));
  if (arguments.sizes.context > 1) {
    log::info("--context-parallel-size {} is a plan: `kumiko train` has no such axis yet", arguments.sizes.context);
  }
  check_ranks_per_node(arguments.ranks_per_node);
  if (arguments.torus.empty() && !arguments.vcoordfile.empty()) {
    throw_user("--vcoordfile is of a torus: give its shape with --torus");
  }
  if (!arguments.torus.empty() && !arguments.fat_tree.empty()) {
    throw_user("--torus and --fat-tree are two networks: give one of them");
  }
  if (!arguments.torus.empty()) return show_on_torus(mesh, arguments);
  if (!arguments.fat_tree.empty()) return show_on_fat_tree(mesh, arguments);
  show_in_order(mesh, arguments);
}

// What stands before `mesh` on the command line is of files.
void refuse_options_of(const CLI::App& inspect) {
  for (const CLI::Option* option : inspect.get_options()) {
    if (option->count() == 0) continue;
    if (option->get_positional()) {
      throw_user("inspect {} mesh: the mesh of a job takes no path; leave it out, or inspect the file alone",
                 option->results().front());
    }
    throw_user("inspect {} mesh: {} is for files; leave it out", option->get_name(), option->get_name());
  }
}

// Collective: where the ranks are.
void show_present(const MeshArguments& arguments, World& world) {
  if (!arguments.torus.empty() || !arguments.fat_tree.empty() || !arguments.vcoordfile.empty()) {
    throw_user("--torus, --fat-tree and --vcoordfile plan a job: give its ranks with --num-ranks");
  }
  const Mesh mesh = Mesh::for_ranks(world.size(), arguments.sizes, parse_rank_order(arguments.rank_order));
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto all = world.communicator(Axis::all, everyone);
  const PlacedRank placed = place_rank(arguments.parallel, world, *all);
  if (world.rank() > 0) return;
  fmt::print("{}, ranks in the order {}, {}\n\n", mesh.to_string(), to_string(mesh.order()), world.description());
  fmt::print("{}\n{}", rank_table(mesh, places_on_hosts(world.ranks(), placed.places), arguments.most_rows),
             axis_table(mesh, shared_levels(world.ranks(), placed.domains), "network"));
}

void show_mesh(const MeshArguments& arguments) {
  if (arguments.num_ranks > 0) return show_planned(arguments);
  const int code = run_in_world([&](World& world) {
    show_present(arguments, world);
    return 0;
  });
  if (code != 0) throw CLI::RuntimeError(code);
}

}  // namespace

void add_inspect_mesh_command(CLI::App& inspect) {
  const auto arguments = std::make_shared<MeshArguments>();
  CLI::App* command = inspect.add_subcommand(
      "mesh", "Show where ranks are, under mpiexec those of the job, or with --num-ranks where they would be");
  command->add_option("--num-ranks", arguments->num_ranks, "Ranks of a job to plan; without it, those that are there")
      ->check(CLI::PositiveNumber);
  add_placement_options(*command, arguments->parallel);
  command->add_option("--tensor-model-parallel-size", arguments->sizes.tensor, std::string(help_of(Axis::tensor)))
      ->capture_default_str();
  command->add_option("--pipeline-model-parallel-size", arguments->sizes.pipeline, std::string(help_of(Axis::pipeline)))
      ->capture_default_str();
  command
      ->add_option("--context-parallel-size", arguments->sizes.context,
                   std::string(help_of(Axis::context)) + "; to plan with: train has no such axis yet")
      ->capture_default_str();
  command->add_option("--data-parallel-size", arguments->sizes.data, std::string(help_of(Axis::data)))
      ->capture_default_str();
  command->add_option("--rank-order", arguments->rank_order, std::string(rank_order_help))->capture_default_str();
  command->add_option("--ranks-per-node", arguments->ranks_per_node, "ranks that share a node")->capture_default_str();
  command->add_option("--torus", arguments->torus, "shape of a torus of nodes to place them on, as 48x6x48");
  command->add_option(
      "--fat-tree", arguments->fat_tree,
      "leaf switches and nodes under each to place them on, as 24x16, or with pods in front, as 8x24x16");
  command->add_option("--vcoordfile", arguments->vcoordfile, "file to write for mpiexec on Fugaku, with --torus");
  command->add_option("--rows", arguments->most_rows, "most rows of the table to print")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->callback([arguments, &inspect] {
    refuse_options_of(inspect);
    show_mesh(*arguments);
  });
}

}  // namespace kumiko
