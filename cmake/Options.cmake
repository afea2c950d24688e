# Compiler flags, ccache and the linker: everything about *how* we compile.
add_library(kumiko_flags INTERFACE)
target_compile_options(kumiko_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                              $<$<BOOL:${KUMIKO_DEVELOPER}>:-Werror> -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on std::string (GCC bug 105651).
  target_compile_options(kumiko_flags INTERFACE -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A source among others is not the main file, whose types in unnamed namespaces are its own.
  target_compile_options(kumiko_flags INTERFACE -Wno-subobject-linkage)
endif()
target_include_directories(kumiko_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(KUMIKO_SANITIZE)
  target_compile_options(kumiko_flags INTERFACE -fsanitize=${KUMIKO_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(kumiko_flags INTERFACE -fsanitize=${KUMIKO_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms on std::function in instrumented code (GCC bug 105562).
    target_compile_options(kumiko_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(KUMIKO_FUZZ)
  # The program tells the fuzzer which branches an input took. Not so what reads no files (KUMIKO_PLAIN).
  target_compile_options(kumiko_flags INTERFACE -g1 -fno-omit-frame-pointer
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:KUMIKO_PLAIN>>>:-fsanitize=address,undefined,fuzzer-no-link>
    "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:KUMIKO_PLAIN>>>:-fno-sanitize-recover=undefined;-fno-sanitize=function>")
  target_link_options(kumiko_flags INTERFACE -fsanitize=address,undefined)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # What ccache asks for before it keeps files that are compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

# Code that runs seldom or waits for others: half the optimiser's work is a third of the compiler's time.
set(KUMIKO_COLD $<$<CONFIG:Release>:-O1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on std::string once more, which only show at -O1.
  list(APPEND KUMIKO_COLD -Wno-array-bounds -Wno-stringop-overflow)
endif()
find_program(MOLD mold)
if(MOLD AND NOT CMAKE_CROSSCOMPILING)
  target_link_options(kumiko_flags INTERFACE -fuse-ld=mold)
endif()
