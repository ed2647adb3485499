# MLIR, and helpers for the compiler half.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
message(STATUS "MLIR in ${MLIR_DIR}, LLVM ${LLVM_PACKAGE_VERSION}")
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(SWAMLA_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# One precompiled header serves every compiler library: the MLIR headers are most of a file's compile time.
add_library(SwamlaPch STATIC ${PROJECT_SOURCE_DIR}/compiler/Support/Pch.cpp)
target_include_directories(SwamlaPch SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(SwamlaPch PUBLIC ${SWAMLA_LLVM_DEFINITIONS})
target_precompile_headers(SwamlaPch PRIVATE ${PROJECT_SOURCE_DIR}/compiler/Support/Pch.h)

# swamla_tablegen(TD out1 args1 out2 args2 ... TARGET name): runs mlir-tblgen; outputs land beside the build's copy of the folder.
function(swamla_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs out flags)
    separate_arguments(flags NATIVE_COMMAND "${flags}")
    mlir_tablegen(${out} ${flags} EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# swamla_mlir_library(NAME sources... [LINK libs...] [DEPENDS targets...]): a static library of the compiler half.
function(swamla_mlir_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${SWAMLA_LLVM_DEFINITIONS})
  target_precompile_headers(${name} REUSE_FROM SwamlaPch)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# swamla_mlir_tool(NAME sources... [LINK libs...]): an executable of the compiler half, on the shared MLIR and LLVM.
function(swamla_mlir_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(${name} PRIVATE ${SWAMLA_LLVM_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()
