#include "kumiko/data/dataset_builder.h"

#include <algorithm>
#include <span>
#include <thread>
#include <utility>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/data/indexed_dataset_writer.h"
#include "kumiko/data/ordered_pipeline.h"
#include "kumiko/text/text_report.h"

namespace kumiko {
namespace {

int num_threads(int requested) {
  return requested > 0 ? requested : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Joins the documents that span blocks, and ends each.
class DocumentWriter {
 public:
  DocumentWriter(IndexedDatasetWriter& writer, std::optional<int32_t> end_of_document)
      : writer_(writer), end_of_document_(end_of_document) {}

  void write(const EncodedBlock& block) {
    const std::span<const int32_t> tokens(block.tokens);
    size_t begin = 0;
    for (const int64_t end : block.ends) {
      append(tokens.subspan(begin, static_cast<size_t>(end) - begin));
      begin = static_cast<size_t>(end);
      end_document(block.keep_empty_documents);
    }
    append(tokens.subspan(begin));
  }

 private:
  void append(std::span<const int32_t> tokens) {
    if (tokens.empty()) return;
    writer_.append(tokens);
    has_tokens_ = true;
  }

  void end_document(bool keep_empty) {
    if (!has_tokens_) {
      if (keep_empty) writer_.end_document();
      return;
    }
    if (end_of_document_) writer_.append(std::span(&*end_of_document_, 1));
    writer_.end_sequence();
    writer_.end_document();
    has_tokens_ = false;
  }

  IndexedDatasetWriter& writer_;
  std::optional<int32_t> end_of_document_;
  bool has_tokens_ = false;
};

}  // namespace

void DatasetBuildOptions::validate() const {
  input.validate();
  if (output.empty()) throw_user("no output: give the prefix of the dataset to write with --output");
  if (threads < 0 || threads > 4096) throw_user("--threads {}: expected 1 to 4096, or 0 for all cores", threads);
}

DatasetBuildReport build_dataset(const DatasetBuildOptions& options, const DatasetEncoder& encoder,
                                 const DatasetBuildHooks& hooks) {
  options.validate();
  if (options.append_eod && !encoder.end_of_document) {
    throw_user(
        "--append-eod: the tokenizer has no end-of-document token (such as <|endoftext|>); name the token "
        "that ends documents with --end-of-document, leave the option out, or use a tokenizer that has one");
  }
  const double start = seconds_now();
  TextSource::Options source_options;
  if (encoder.cut_places.any()) {
    source_options.cut_document = [places = encoder.cut_places](std::string_view text) {
      return last_safe_cut(text, places);
    };
  }
  TextSource source(options.input, source_options);
  TextReport texts(options.input);

  DatasetBuildReport report;
  report.token_type = token_type_for(encoder.vocab_size);
  IndexedDatasetWriter writer(options.output, report.token_type);
  DocumentWriter documents(writer, options.append_eod ? encoder.end_of_document : std::nullopt);

  using Pipeline = OrderedPipeline<TextBlock, EncodedBlock>;
  const auto make_work = [&]() -> Pipeline::Work {
    return [&, encode = encoder.make_encode()](TextBlock block) {
      return encode_block(std::move(block), options.input, encode);
    };
  };
  const int threads = num_threads(options.threads);
  Pipeline::run(
      threads, 2 * threads + 2, [&] { return source.next(); }, make_work,
      [&](EncodedBlock block) {
        if (hooks.cancelled && hooks.cancelled()) {
          throw_user("interrupted; nothing was written to {}", options.output);
        }
        texts.add(block.file, block.facts);
        texts.check_encoding(block.file);
        documents.write(block);
        if (hooks.on_progress) hooks.on_progress(block.bytes_read, source.total_bytes());
      });
  if (writer.num_tokens() == 0) {
    throw_user("the input holds no text: {}{}; expected at least one token{}", options.input.files[0].string(),
               options.input.files.size() > 1 ? " and the others" : "", texts.of_bad_lines());
  }
  texts.finish();
  writer.commit();
  report.num_documents = writer.num_documents();
  report.num_tokens = writer.num_tokens();
  report.num_bytes = texts.num_bytes();
  report.seconds = seconds_now() - start;
  return report;
}

}  // namespace kumiko
