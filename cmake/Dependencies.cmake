# Every outside library, in one place. Required ones stop the configuration with the Debian package to install;
# optional ones turn their feature off with one line.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)            # libfmt-dev
find_package(nlohmann_json REQUIRED)  # nlohmann-json3-dev
find_package(CLI11 REQUIRED)          # libcli11-dev
pkg_check_modules(ONIGURUMA REQUIRED IMPORTED_TARGET oniguruma)  # libonig-dev
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)     # libxxhash-dev
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)  # libtomlplusplus-dev
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)           # libhwy-dev

find_path(DNNL_INCLUDE dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
if(NOT DNNL_LIBRARY OR NOT DNNL_INCLUDE)
  set(DNNL_LIBRARY "")
  message(STATUS "oneDNN not found (libdnnl-dev): linear layers use our own products for every type")
endif()

if(KUMIKO_CBLAS)
  add_library(kumiko_cblas INTERFACE)
  if(KUMIKO_CBLAS STREQUAL "openblas")  # libopenblas-openmp-dev
    pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
    target_link_libraries(kumiko_cblas INTERFACE PkgConfig::OPENBLAS)
  elseif(KUMIKO_CBLAS STREQUAL "blis")  # libblis-openmp-dev
    find_path(BLIS_INCLUDE blis.h PATH_SUFFIXES blis blis-openmp REQUIRED)
    find_library(BLIS_LIBRARY blis REQUIRED)
    target_include_directories(kumiko_cblas SYSTEM INTERFACE ${BLIS_INCLUDE})
    target_link_libraries(kumiko_cblas INTERFACE ${BLIS_LIBRARY})
  else()
    set(BLA_VENDOR ${KUMIKO_CBLAS})
    find_package(BLAS REQUIRED)
    find_path(CBLAS_INCLUDE cblas.h REQUIRED)
    target_include_directories(kumiko_cblas SYSTEM INTERFACE ${CBLAS_INCLUDE})
    target_link_libraries(kumiko_cblas INTERFACE BLAS::BLAS)
  endif()
  message(STATUS "linear_backend = cblas is ${KUMIKO_CBLAS}")
endif()

set(KUMIKO_HAVE_MPI OFF)
if(KUMIKO_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)  # we use the C interface
  find_package(MPI COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(KUMIKO_HAVE_MPI ON)
  else()
    message(STATUS "MPI not found (libopenmpi-dev): kumiko runs on one rank only")
  endif()
endif()

# Sets KUMIKO_HAVE_<NAME> if the option KUMIKO_<NAME> is on and pkg-config knows the module; if it does not, `message`
# says what the program is without.
macro(kumiko_optional_module NAME MODULE MESSAGE)
  set(KUMIKO_HAVE_${NAME} OFF)
  if(KUMIKO_${NAME})
    pkg_check_modules(${NAME} IMPORTED_TARGET ${MODULE})
    if(${NAME}_FOUND)
      set(KUMIKO_HAVE_${NAME} ON)
    else()
      message(STATUS "${MESSAGE}")
    endif()
  endif()
endmacro()

kumiko_optional_module(HWLOC hwloc>=2.0 "hwloc not found (libhwloc-dev): ranks are not bound to cores and memory")
kumiko_optional_module(SENTENCEPIECE sentencepiece
  "SentencePiece not found (libsentencepiece-dev): .model files are not read, tokenizer.json is")
kumiko_optional_module(ARCHIVE libarchive
  "libarchive not found (libarchive-dev): compressed text (.gz, .zst and others) is not read")
kumiko_optional_module(UTF8PROC libutf8proc
  "utf8proc not found (libutf8proc-dev): tokenizers with Unicode normalizers are not read")
