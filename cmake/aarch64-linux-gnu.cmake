# Toolchain: Debian's cross-compiler for 64-bit Arm, and libraries unpacked from arm64 packages below KUMIKO_STAGE, which
# scripts/cross_aarch64.sh fills; nothing of the host is used. Programs run under qemu-user; which processor it plays
# is the environment variable QEMU_CPU (a64fx, cortex-a72, "max,sve-max-vq=1", ...).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

if(NOT KUMIKO_STAGE)
  message(FATAL_ERROR "KUMIKO_STAGE is not set; expected the folder of unpacked arm64 packages: run scripts/cross_aarch64.sh")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES KUMIKO_STAGE)
set(stage_libraries ${KUMIKO_STAGE}/usr/lib/aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH ${KUMIKO_STAGE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${stage_libraries}/pkgconfig:${KUMIKO_STAGE}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${KUMIKO_STAGE})
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${KUMIKO_STAGE}/usr/include)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${stage_libraries} -Wl,-rpath,${stage_libraries}")
