# The two libraries, each in two shapes. The sources are compiled once, as position-independent objects; layers add
# them with procyon_layer() (ProcyonLayer.cmake).
#
#   libprocyon        everything but what follows
#   libprocyon_net    connections by address, TLS, managers: what needs OpenSSL, whose loading makes the start of every
#                     spawned child a millisecond longer
#
#   procyon_objects, procyon_net_objects   the objects
#   procyon_core_<shape>                   libprocyon.a, libprocyon.so
#   procyon_net_<shape>                    libprocyon_net.a, libprocyon_net.so
#   procyon_<shape>                        what a user links: both libraries, of which the second is linked only to
#                                          programs that use something of it
#   procyon::procyon                       the shape that BUILD_SHARED_LIBS asks for (static when it says nothing)

add_library(procyon_objects OBJECT)
# A library needs at least one source before the first layer exists; this one is the library's own version.
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.cpp.in ${PROJECT_BINARY_DIR}/version.cpp @ONLY)
target_sources(procyon_objects PRIVATE ${PROJECT_BINARY_DIR}/version.cpp)
add_library(procyon_net_objects OBJECT)
# spdlog from its headers: as a shared library it would make the start of every spawned child a quarter of a millisecond
# longer, and be one more thing that a user must link.
target_link_libraries(procyon_objects PRIVATE fmt::fmt spdlog::spdlog_header_only Threads::Threads)
target_link_libraries(procyon_net_objects PRIVATE fmt::fmt OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

add_library(procyon_core_static STATIC $<TARGET_OBJECTS:procyon_objects>)
add_library(procyon_core_shared SHARED $<TARGET_OBJECTS:procyon_objects>)
add_library(procyon_net_static STATIC $<TARGET_OBJECTS:procyon_net_objects>)
add_library(procyon_net_shared SHARED $<TARGET_OBJECTS:procyon_net_objects>)
set_target_properties(procyon_core_static procyon_core_shared PROPERTIES OUTPUT_NAME procyon)
set_target_properties(procyon_net_static procyon_net_shared PROPERTIES OUTPUT_NAME procyon_net)
foreach(library IN ITEMS core net)
  set_target_properties(procyon_${library}_static PROPERTIES EXPORT_NAME ${library}_static)
  set_target_properties(procyon_${library}_shared PROPERTIES EXPORT_NAME ${library}_shared
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  # Threads of ours and the redirected program entry live in the libraries' text: it is never unloaded.
  target_link_options(procyon_${library}_shared PRIVATE -Wl,-z,nodelete)
  foreach(shape IN ITEMS static shared)
    target_link_libraries(procyon_${library}_${shape} PUBLIC Threads::Threads PRIVATE fmt::fmt)
  endforeach()
endforeach()
# A function crosses to another process as {build-id of its module, offset}; not every compiler asks for one.
target_link_options(procyon_net_shared PRIVATE -Wl,--build-id)
target_link_options(procyon_core_static INTERFACE -Wl,--build-id)
target_link_options(procyon_core_shared INTERFACE -Wl,--build-id)

foreach(target IN ITEMS procyon_objects procyon_net_objects)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  procyon_own_target(${target})
endforeach()
foreach(target IN ITEMS procyon_objects procyon_net_objects procyon_core_static procyon_core_shared)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(PROCYON_CRASH_POINTS)
    target_compile_definitions(${target} PUBLIC $<BUILD_INTERFACE:PROCYON_CRASH_POINTS>)
  endif()
endforeach()

# procyon_as_needed(<variable> <target>...): a linker option that links these only to what uses them. One word, because
# CMake sorts the words of a link line by its own rules.
function(procyon_as_needed variable)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_LINKER_FILE:$<TARGET_NAME:\\1>>")
  list(JOIN ARGN "," files)
  set(${variable} "-Wl,--push-state,--as-needed,${files},--pop-state" PARENT_SCOPE)
endfunction()

procyon_as_needed(openssl_as_needed OpenSSL::SSL OpenSSL::Crypto)
target_link_libraries(procyon_net_static PUBLIC procyon_core_static ${openssl_as_needed})
target_link_libraries(procyon_net_shared PUBLIC procyon_core_shared PRIVATE OpenSSL::SSL OpenSSL::Crypto)

add_library(procyon_static INTERFACE)
add_library(procyon_shared INTERFACE)
set_target_properties(procyon_static PROPERTIES EXPORT_NAME static)
set_target_properties(procyon_shared PROPERTIES EXPORT_NAME shared)
# Of an archive only what is needed is linked anyway.
target_link_libraries(procyon_static INTERFACE procyon_net_static procyon_core_static)
procyon_as_needed(net_as_needed procyon_net_shared)
target_link_libraries(procyon_shared INTERFACE ${net_as_needed} procyon_core_shared)
add_dependencies(procyon_shared procyon_net_shared)

add_library(procyon::static ALIAS procyon_static)
add_library(procyon::shared ALIAS procyon_shared)
if(BUILD_SHARED_LIBS)
  add_library(procyon::procyon ALIAS procyon_shared)
else()
  add_library(procyon::procyon ALIAS procyon_static)
endif()
