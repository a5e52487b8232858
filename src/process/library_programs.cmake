# A program that loads libraries while it runs, and starts processes with functions of theirs.

# Linked with the program, so that children have it from the start; and what the program loads later.
add_library(procyon_linked_library SHARED programs/linked_library.cpp)
add_library(procyon_loaded_library MODULE programs/loaded_library.cpp)
# The same source otherwise compiled: another build of the file.
add_library(procyon_other_build MODULE programs/loaded_library.cpp)
target_compile_definitions(procyon_other_build PRIVATE OTHER_BUILD)
foreach(library IN ITEMS procyon_linked_library procyon_loaded_library procyon_other_build)
  target_link_libraries(${library} PRIVATE procyon_shared)
  target_include_directories(${library} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  procyon_own_target(${library})
endforeach()
foreach(library IN ITEMS procyon_loaded_library procyon_other_build)
  target_link_libraries(${library} PRIVATE procyon_linked_library)
endforeach()

add_executable(library_host programs/library_host.cpp)
target_link_libraries(library_host PRIVATE procyon_shared procyon_linked_library ${CMAKE_DL_LIBS})
target_include_directories(library_host PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
procyon_own_target(library_host)
add_dependencies(library_host procyon_loaded_library procyon_other_build)
foreach(method IN ITEMS forkserver spawn fork)
  add_test(NAME process.libraries.${method}
    COMMAND library_host ${method} $<TARGET_FILE:procyon_loaded_library> $<TARGET_FILE:procyon_other_build>)
  set_tests_properties(process.libraries.${method} PROPERTIES TIMEOUT 60 LABELS process)
endforeach()
