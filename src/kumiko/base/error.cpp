#include "kumiko/base/error.h"

namespace kumiko {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::user:
      return 2;
    case ErrorKind::environment:
      return 3;
    case ErrorKind::internal:
      break;
  }
  return 4;
}

const char* error_prefix(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::user:
      return "";
    case ErrorKind::environment:
      return "environment: ";
    case ErrorKind::internal:
      break;
  }
  return "internal (please report it): ";
}

}  // namespace kumiko
