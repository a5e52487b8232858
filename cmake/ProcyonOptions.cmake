# What the options mean for a target of Procyon's own. Users' targets get none of this.

# procyon_own_target(<target>): strict warnings, as errors, in a developer's build; src/ as a private include root.
function(procyon_own_target target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  if(PROCYON_DEVELOPER)
    # Options are aggregates whose members have defaults, written with designated initialisers; a compiler that
    # takes each member left out for a mistake would make the documented style unusable.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                             -Wold-style-cast -Wno-missing-field-initializers -Werror
                                             # A false alarm of g++ 12 at -O2 in std::invoke of a virtual member function.
                                             -Wno-error=array-bounds
                                             # Another, under -fsanitize=thread, where operator new is replaced.
                                             -Wno-error=mismatched-new-delete)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # GCC 12 takes std::string's own copying for overlapping (its bug 105651).
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND PROCYON_SANITIZE)
      # With sanitizers, GCC takes the empty state of a std::optional for uninitialised use (its manual warns of such).
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND PROCYON_SANITIZE MATCHES "thread")
      # GCC warns that TSan does not model atomic_thread_fence: worth reading, no reason to stop.
      target_compile_options(${target} PRIVATE -Wno-error=tsan)
    endif()
  endif()
endfunction()

# procyon_add_subdirectory_if_present(<directory>): a part that is not there yet is no error.
function(procyon_add_subdirectory_if_present directory)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/CMakeLists.txt)
    add_subdirectory(${directory})
  endif()
endfunction()

if(PROCYON_SANITIZE)
  # Not vptr: its check opens a pipe to look whether memory can be read, so it takes every object for a broken one
  # in the tests that run out of descriptors.
  add_compile_options(-fsanitize=${PROCYON_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PROCYON_SANITIZE})
endif()
