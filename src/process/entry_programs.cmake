# Programs that prove the entry hook: one source, linked in each way that a program may be.

# procyon_entry_program(<name> SOURCES <file>... LIBRARIES <target>... [COMPILE <option>...] [LINK <option>...]
#                       [DEFINITIONS <name>...])
function(procyon_entry_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES;SOURCES;COMPILE;LINK;DEFINITIONS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  target_compile_options(${name} PRIVATE ${arg_COMPILE})
  target_link_options(${name} PRIVATE ${arg_LINK})
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  procyon_own_target(${name})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  add_test(NAME process.${name} COMMAND ${name})
  set_tests_properties(process.${name} PROPERTIES TIMEOUT 60 LABELS process)
endfunction()

set(whole programs/entry.cpp programs/entry_library.cpp)
procyon_entry_program(entry_static_pie SOURCES ${whole} LIBRARIES procyon_static COMPILE -fPIE LINK -pie)
procyon_entry_program(entry_static_no_pie SOURCES ${whole} LIBRARIES procyon_static COMPILE -fno-pie LINK -no-pie)
procyon_entry_program(entry_static_now SOURCES ${whole} LIBRARIES procyon_static LINK -Wl,-z,now)
procyon_entry_program(entry_shared_pie SOURCES ${whole} LIBRARIES procyon_shared COMPILE -fPIE LINK -pie)
procyon_entry_program(entry_shared_no_pie SOURCES ${whole} LIBRARIES procyon_shared COMPILE -fno-pie LINK -no-pie)
procyon_entry_program(entry_shared_now SOURCES ${whole} LIBRARIES procyon_shared LINK -Wl,-z,now)
find_program(PROCYON_LLD ld.lld)
if(PROCYON_LLD)
  procyon_entry_program(entry_static_lld SOURCES ${whole} LIBRARIES procyon_static LINK -fuse-ld=lld)
  procyon_entry_program(entry_shared_lld SOURCES ${whole} LIBRARIES procyon_shared LINK -fuse-ld=lld)
endif()

# Reached only through another shared library: one that is linked with the shared Procyon, one that contains the static.
foreach(shape IN ITEMS static shared)
  add_library(procyon_entry_${shape}_library SHARED programs/entry_library.cpp)
  target_link_libraries(procyon_entry_${shape}_library PRIVATE procyon_${shape})
  procyon_own_target(procyon_entry_${shape}_library)
  target_include_directories(procyon_entry_${shape}_library PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  procyon_entry_program(entry_through_${shape}_library SOURCES programs/entry.cpp
    LIBRARIES procyon_entry_${shape}_library)
endforeach()

procyon_entry_program(entry_static_constructor SOURCES programs/static_constructor.cpp LIBRARIES procyon_static)

# Loaded after main was entered. (Not under sanitizers, which want to be loaded first.)
if(NOT PROCYON_SANITIZE)
  add_library(procyon_entry_plugin MODULE programs/plugin.cpp)
  target_link_libraries(procyon_entry_plugin PRIVATE procyon_shared)
  procyon_own_target(procyon_entry_plugin)
  procyon_entry_program(entry_plugin SOURCES programs/plugin_host.cpp LIBRARIES ${CMAKE_DL_LIBS}
    DEFINITIONS PLUGIN="$<TARGET_FILE:procyon_entry_plugin>")
  procyon_entry_program(entry_plugin_frozen SOURCES programs/plugin_host.cpp LIBRARIES ${CMAKE_DL_LIBS}
    DEFINITIONS PLUGIN="$<TARGET_FILE:procyon_entry_plugin>" FREEZE)
  add_dependencies(entry_plugin procyon_entry_plugin)
  add_dependencies(entry_plugin_frozen procyon_entry_plugin)
endif()
