include(GoogleTest)

# No test may hang the suite; a test that is known to take longer says so itself.
set(PROCYON_TEST_TIMEOUT 120)

# procyon_test_options(<target>): the tests' own code, not the library's, is compiled without optimisation under the address
# sanitizer, which takes a third less time.
function(procyon_test_options target)
  if(PROCYON_SANITIZE MATCHES "address")
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# What almost every test includes, compiled once. The options must be those of procyon_gtest(). Off in the dev preset, where a
# test has to include what it uses.
if(PROCYON_BUILD_TESTS AND PROCYON_PRECOMPILED_TESTS)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cpp CONTENT "")
  add_library(procyon_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cpp)
  target_link_libraries(procyon_test_headers PRIVATE procyon_static fmt::fmt GTest::gtest_main)
  procyon_own_target(procyon_test_headers)
  procyon_test_options(procyon_test_headers)
  target_precompile_headers(procyon_test_headers PRIVATE
    <gtest/gtest.h> <algorithm> <atomic> <chrono> <filesystem> <fstream> <functional> <future> <map> <memory> <mutex>
    <optional> <span> <string> <thread> <tuple> <variant> <vector>)
endif()

# procyon_gtest(<binary> SOURCES <file>... [LABELS <label>...] [TIMEOUT <seconds>])
#
# One GoogleTest binary, linked with the static library, each of its tests known to ctest.
function(procyon_gtest binary)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LABELS")
  if(NOT DEFINED arg_TIMEOUT)
    set(arg_TIMEOUT ${PROCYON_TEST_TIMEOUT})
  endif()
  add_executable(${binary} ${arg_SOURCES})
  target_link_libraries(${binary} PRIVATE procyon_static fmt::fmt GTest::gtest_main)
  procyon_own_target(${binary})
  procyon_test_options(${binary})
  if(PROCYON_PRECOMPILED_TESTS)
    target_precompile_headers(${binary} REUSE_FROM procyon_test_headers)
  endif()
  # PRE_TEST: asked when the suite runs, so that a binary that cannot start fails a test and not the build.
  gtest_discover_tests(${binary} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# procyon_layer(<name> SOURCES <file>... TESTS <file>... [BENCHMARKS <file>...] [NET_SOURCES <file>...] [NET_TESTS <file>...])
#
# Adds the sources to the library and makes procyon_<name>_test and procyon_<name>_benchmark. NET_SOURCES belong to the
# library procyon_net, and NET_TESTS, which may use OpenSSL itself, make procyon_<name>_net_test. Files are relative to the
# caller's directory; each list may be empty.
function(procyon_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;TESTS;BENCHMARKS;NET_SOURCES;NET_TESTS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "procyon_layer(${name}): does not know what to do with: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(TRANSFORM arg_NET_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  target_sources(procyon_objects PRIVATE ${arg_SOURCES})
  target_sources(procyon_net_objects PRIVATE ${arg_NET_SOURCES})
  if(PROCYON_BUILD_TESTS AND arg_TESTS)
    procyon_gtest(procyon_${name}_test SOURCES ${arg_TESTS} LABELS ${name})
  endif()
  if(PROCYON_BUILD_TESTS AND arg_NET_TESTS)
    procyon_gtest(procyon_${name}_net_test SOURCES ${arg_NET_TESTS} LABELS ${name})
    target_link_libraries(procyon_${name}_net_test PRIVATE OpenSSL::SSL OpenSSL::Crypto)
  endif()
  if(PROCYON_BUILD_BENCHMARKS AND arg_BENCHMARKS)
    add_executable(procyon_${name}_benchmark ${arg_BENCHMARKS})
    target_link_libraries(procyon_${name}_benchmark PRIVATE procyon_static fmt::fmt benchmark::benchmark_main)
    procyon_own_target(procyon_${name}_benchmark)
  endif()
endfunction()
