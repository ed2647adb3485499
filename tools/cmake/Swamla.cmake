# Helpers and third-party packages that both halves of the project use.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_program(FLATC flatc REQUIRED)

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
add_link_options($<$<CXX_COMPILER_ID:Clang>:-fuse-ld=lld>)
# Where one builds here and runs elsewhere, only the C library and CUDA's are looked for there.
set(SWAMLA_FMT fmt::fmt)
if(SWAMLA_STATIC)
  set(SWAMLA_FMT fmt::fmt-header-only)
  add_link_options(-static-libstdc++ -static-libgcc)
endif()
if(SWAMLA_SANITIZE)
  add_compile_options(-fsanitize=${SWAMLA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SWAMLA_SANITIZE})
endif()
if(SWAMLA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link) # coverage, for the fuzzers to steer by
endif()
include_directories(${PROJECT_SOURCE_DIR})
include_directories(${PROJECT_BINARY_DIR})

# swamla_library(NAME sources... [LINK libs...]): a static library of the runtime half.
function(swamla_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# swamla_test(NAME sources... [LINK libs...] [LABELS labels...]): a GoogleTest program.
function(swamla_test name)
  cmake_parse_arguments(ARG "" "" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "cpu;unit;${ARG_LABELS}")
endfunction()
