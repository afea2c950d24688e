#include "kumiko/text/text_corpus.h"

#include <mutex>

namespace kumiko {

TextCorpus make_text_corpus(const TextInput& input, size_t chunk_bytes) {
  TextSource::Options options;
  options.block_bytes = chunk_bytes;
  options.cut_document = [chunk_bytes](std::string_view text) { return corpus_cut(text, chunk_bytes); };
  const auto source = std::make_shared<TextSource>(input, options);
  const auto report = std::make_shared<TextReport>(input);
  const auto mutex = std::make_shared<std::mutex>();  // of the report
  TextCorpus made{{}, report};
  made.corpus.total_bytes = source->total_bytes();
  made.corpus.next = [=]() -> std::optional<CorpusPart> {
    auto block = source->next();
    if (!block) return std::nullopt;
    const auto kept = std::make_shared<TextBlock>(std::move(*block));
    const auto read = [=](const std::function<void(std::string_view)>& visit) {
      const DocumentVisitor visitor{[&](std::string_view text, TextStart) { visit(text); }, [] {}};
      const BlockFacts facts = visit_documents(*kept, input, visitor);
      const std::lock_guard lock(*mutex);
      report->add(kept->file, facts);
    };
    return CorpusPart{read, kept->bytes_read};
  };
  return made;
}

}  // namespace kumiko
