#include <archive.h>
#include <archive_entry.h>

#include "kumiko/base/error.h"
#include "kumiko/text/unpacker.h"

namespace kumiko {
namespace {

// A stream of bytes behind one filter, in libarchive's raw format. Members that follow one another (as of cat a.gz
// b.gz) are one content.
class ArchiveUnpacker : public Unpacker {
 public:
  ArchiveUnpacker(std::string file, std::string_view compression, std::function<std::string_view()> next)
      : file_(std::move(file)), compression_(compression), next_(std::move(next)), archive_(archive_read_new()) {
    if (archive_ == nullptr) throw std::bad_alloc();
    if (support() != ARCHIVE_OK) {
      throw_user("cannot read {}: it is compressed ({}), which the libarchive of this system does not unpack", file_,
                 compression_);
    }
    archive_read_support_format_raw(archive_.get());
    archive_read_support_format_empty(archive_.get());
    archive_entry* entry = nullptr;
    if (archive_read_open(archive_.get(), this, nullptr, read_file, nullptr) != ARCHIVE_OK) damaged();
    const int status = archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_EOF) {
      ended_ = true;
    } else if (status != ARCHIVE_OK) {
      damaged();
    }
  }

  size_t read(char* to, size_t size) override {
    size_t done = 0;
    while (!ended_ && done < size) {
      const la_ssize_t got = archive_read_data(archive_.get(), to + done, size - done);
      if (got < 0) damaged();
      if (got == 0) ended_ = true;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };

  int support() {
    archive* reader = archive_.get();
    if (compression_ == "gzip") return archive_read_support_filter_gzip(reader);
    if (compression_ == "zstd") return archive_read_support_filter_zstd(reader);
    if (compression_ == "xz") return archive_read_support_filter_xz(reader);
    if (compression_ == "bzip2") return archive_read_support_filter_bzip2(reader);
    return archive_read_support_filter_lz4(reader);
  }

  [[noreturn]] void damaged() {
    const char* reason = archive_error_string(archive_.get());
    throw_user("cannot read {}: its {} content is damaged or cut off ({}); copy the file again", file_, compression_,
               reason == nullptr ? "no reason given" : reason);
  }

  static la_ssize_t read_file(archive*, void* self, const void** bytes) {
    const std::string_view part = static_cast<ArchiveUnpacker*>(self)->next_();
    *bytes = part.data();
    return static_cast<la_ssize_t>(part.size());
  }

  std::string file_;
  std::string compression_;
  std::function<std::string_view()> next_;
  std::unique_ptr<archive, Free> archive_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> make_unpacker(const std::string& file, std::string_view compression,
                                        std::function<std::string_view()> next) {
  return std::make_unique<ArchiveUnpacker>(file, compression, std::move(next));
}

}  // namespace kumiko
