// `kumiko data` as a person runs it: what it prints, what it leaves behind when it is killed or the disk is full.
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "data/dataset_testing.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/data/indexed_dataset_writer.h"

namespace kumiko {
namespace {

struct Outcome {
  int status = 0;  // as the shell has it: 128 + signal for a killed program
  std::string output;
  std::string errors;
};

class DataCommand : public ::testing::Test {
 protected:
  // Runs `kumiko data <arguments>`; $D in the arguments is the test's folder.
  Outcome run(const std::string& arguments, const std::string& fault = "") {
    const std::string command = fmt::format("cd {} && D=. KUMIKO_FAULT={} {} data {} >stdout 2>stderr",
                                            folder_.path(""), fault, KUMIKO_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    Outcome outcome{WEXITSTATUS(status), read_text_file(folder_.path("stdout")),
                    read_text_file(folder_.path("stderr"))};
    std::filesystem::remove(folder_.path("stdout"));
    std::filesystem::remove(folder_.path("stderr"));
    return outcome;
  }
  std::string dataset_bytes() const {
    return read_text_file(folder_.path("out.bin")) + read_text_file(folder_.path("out.idx"));
  }

  TestFolder folder_;
};

TEST_F(DataCommand, BuildsInspectsAndMerges) {
  folder_.write("a.txt", "Hi\n\nthere\n");
  folder_.write("b.jsonl", "{\"body\": \"you\"}\n");
  const Outcome build =
      run("build --input a.txt b.jsonl --output out --tokenizer bytes --split-on blank-line --json-key body");
  EXPECT_EQ(build.status, 0) << build.errors;
  EXPECT_TRUE(
      build.output.starts_with("wrote out.bin and out.idx: 3 documents, 10 tokens (uint16), from 26 B of text in "))
      << build.output;
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"a.txt", "b.jsonl", "out.bin", "out.idx"}));

  const Outcome inspect = run("inspect out --tokenizer bytes --tokens 7");
  EXPECT_TRUE(contains(inspect.output, "dataset out\n  documents            3\n")) << inspect.output;
  EXPECT_TRUE(contains(inspect.output, "first tokens         72 105 116 104 101 114 101\n")) << inspect.output;
  EXPECT_TRUE(contains(inspect.output, "which read           \"Hithere\"\n")) << inspect.output;

  const Outcome merge = run("merge --input out out --output twice");
  EXPECT_EQ(merge.output, "wrote twice.bin and twice.idx: 6 documents, 20 tokens, from 2 datasets\n");
  EXPECT_EQ(run("merge --input out --output again --json").output,
            "{\"output\":\"again\",\"documents\":3,\"tokens\":10}\n");
}

TEST_F(DataCommand, ExplainsErrors) {
  folder_.write("b.jsonl", "{\"text\": \"fine\"}\n{\"text\": 3}\n");
  const Outcome bad = run("build --input b.jsonl --output out --tokenizer bytes");
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(bad.errors,
            "error: b.jsonl line 2: \"text\" is a JSON number; expected a string; keys with text in this line: "
            "none\n");
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"b.jsonl"}));
  EXPECT_TRUE(
      contains(run("build --input b.jsonl --output out --tokenizer bytes --split-on page").errors, "--split-on"));
  EXPECT_TRUE(contains(run("inspect out").errors, "there is no dataset out: out.idx does not exist"));
}

// Two builds to one prefix: the second is refused while the first writes, and nothing is mixed.
TEST_F(DataCommand, RefusesADatasetThatIsBeingWritten) {
  folder_.write("a.txt", "text");
  const Outcome outcome = [&] {
    const IndexedDatasetWriter other(folder_.path("out"), TokenType::u8);
    return run("build --input a.txt --output out --tokenizer bytes");
  }();
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(contains(outcome.errors, "the dataset out is in use by process ")) << outcome.errors;
  EXPECT_EQ(run("build --input a.txt --output out --tokenizer bytes").status, 0);
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"a.txt", "out.bin", "out.idx"}));
}

// Every durable file operation of a build that replaces an older dataset fails once, in both ways.
TEST_F(DataCommand, NeverLeavesHalfADataset) {
  const std::string build = "build --output out --tokenizer bytes --input ";
  folder_.write("old.txt", "old");
  folder_.write("new.txt", "newer");
  ASSERT_EQ(run(build + "new.txt").status, 0);
  const std::string whole_new = dataset_bytes();
  ASSERT_EQ(run(build + "old.txt").status, 0);
  const std::string whole_old = dataset_bytes();

  // .bin and .idx are written, synced and renamed; the folder is synced after the old index went and after each rename.
  for (const auto& [operation, count] : {std::pair("write", 2), {"sync", 5}, {"rename", 2}}) {
    for (const bool kill : {true, false}) {
      for (int nth = 1; nth <= count + 1; ++nth) {
        const std::string fault = fmt::format("{}:{}:{}", operation, nth, kill ? "kill" : "no_space");
        SCOPED_TRACE(fault);
        ASSERT_EQ(run(build + "old.txt").status, 0);
        const Outcome failed = run(build + "new.txt", fault);
        if (nth > count) {
          EXPECT_EQ(failed.status, 0);
          EXPECT_FALSE(contains(failed.errors, "injected fault")) << "an operation that the test does not know of";
          continue;
        }
        EXPECT_TRUE(contains(failed.errors, "injected fault")) << failed.errors;
        EXPECT_EQ(failed.status, kill ? 128 + SIGKILL : 3);
        if (!kill) {
          EXPECT_TRUE(contains(failed.errors, "no space left on the disk")) << failed.errors;
          EXPECT_FALSE(std::filesystem::exists(folder_.path("out.bin.tmp")));
          EXPECT_FALSE(std::filesystem::exists(folder_.path("out.idx.tmp")));
        }
        // A dataset is there if and only if its index is: the old one or the new one, whole.
        if (std::filesystem::exists(folder_.path("out.idx"))) {
          const std::string left = dataset_bytes();
          EXPECT_TRUE(left == whole_old || left == whole_new);
          EXPECT_EQ(IndexedDataset(folder_.path("out")).num_documents(), 1);
        }
        // The next build replaces whatever is left.
        ASSERT_EQ(run(build + "new.txt").status, 0);
        EXPECT_EQ(dataset_bytes(), whole_new);
        EXPECT_EQ(folder_.names(), (std::vector<std::string>{"new.txt", "old.txt", "out.bin", "out.idx"}));
      }
    }
  }
}

TEST_F(DataCommand, RemovesItsTemporaryFilesWhenInterrupted) {
  folder_.write("a.txt", std::string(size_t{1} << 20, '\n') + "text\n");
  std::string inputs;  // gigabytes to read, from one small file
  for (int i = 0; i < 3000; ++i) inputs += " a.txt";
  std::thread interrupter([&] {
    while (!std::filesystem::exists(folder_.path("out.bin.tmp")) || !std::filesystem::exists(folder_.path("pid"))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ::kill(std::stoi(read_text_file(folder_.path("pid"))), SIGINT);
  });
  const std::string command = fmt::format(
      "cd {} && sh -c 'echo $$ >pid.new; mv pid.new pid; exec {} data build --output out --tokenizer bytes "
      "--input{}' 2>stderr",
      folder_.path(""), KUMIKO_PROGRAM, inputs);
  const int status = std::system(command.c_str());
  interrupter.join();
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(read_text_file(folder_.path("stderr")), "error: interrupted; nothing was written to out\n");
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"a.txt", "pid", "stderr"}));
}

}  // namespace
}  // namespace kumiko
