# Compiler flags, ccache and the linker: everything about *how* we compile.
add_library(kumiko_flags INTERFACE)
target_compile_options(kumiko_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                              -Werror -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on std::string (GCC bug 105651).
  target_compile_options(kumiko_flags INTERFACE -Wno-restrict)
endif()
target_include_directories(kumiko_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(KUMIKO_SANITIZE)
  target_compile_options(kumiko_flags INTERFACE -fsanitize=${KUMIKO_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(kumiko_flags INTERFACE -fsanitize=${KUMIKO_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND NOT CMAKE_CROSSCOMPILING)
  target_link_options(kumiko_flags INTERFACE -fuse-ld=mold)
endif()
