# The one library, in two shapes. The sources are compiled once, as position-independent objects; layers add
# them with procyon_layer() (ProcyonLayer.cmake).
#
#   procyon_objects   the objects
#   procyon_static    libprocyon.a
#   procyon_shared    libprocyon.so
#   procyon::procyon  the one that BUILD_SHARED_LIBS asks for (static when it says nothing)

add_library(procyon_objects OBJECT)
# A library needs at least one source before the first layer exists; this one is the library's own version.
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.cpp.in ${PROJECT_BINARY_DIR}/version.cpp @ONLY)
target_sources(procyon_objects PRIVATE ${PROJECT_BINARY_DIR}/version.cpp)
set_target_properties(procyon_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
# spdlog from its headers: as a shared library it would make the start of every spawned child a quarter of a millisecond
# longer, and be one more thing that a user must link.
target_link_libraries(procyon_objects PRIVATE fmt::fmt spdlog::spdlog_header_only Threads::Threads)
procyon_own_target(procyon_objects)

add_library(procyon_static STATIC $<TARGET_OBJECTS:procyon_objects>)
add_library(procyon_shared SHARED $<TARGET_OBJECTS:procyon_objects>)
set_target_properties(procyon_static PROPERTIES OUTPUT_NAME procyon EXPORT_NAME static)
set_target_properties(procyon_shared PROPERTIES OUTPUT_NAME procyon EXPORT_NAME shared
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# Threads of ours and the redirected program entry live in the library's text: it is never unloaded.
target_link_options(procyon_shared PRIVATE -Wl,-z,nodelete)

foreach(target IN ITEMS procyon_objects procyon_static procyon_shared)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(PROCYON_CRASH_POINTS)
    target_compile_definitions(${target} PUBLIC $<BUILD_INTERFACE:PROCYON_CRASH_POINTS>)
  endif()
endforeach()
foreach(target IN ITEMS procyon_static procyon_shared)
  target_link_libraries(${target} PUBLIC Threads::Threads PRIVATE fmt::fmt)
  # A function crosses to another process as {build-id of its module, offset}; not every compiler asks for one.
  target_link_options(${target} INTERFACE -Wl,--build-id)
  # Atomic access to an aggregate, as Value<T>::atomic() gives it: clang knows only the type's own alignment and calls a
  # function of libatomic, which sees that the address suits the processor's instruction.
  target_link_libraries(${target} INTERFACE
    $<$<CXX_COMPILER_ID:Clang>:-Wl,--push-state,--as-needed,-latomic,--pop-state>)
endforeach()

add_library(procyon::static ALIAS procyon_static)
add_library(procyon::shared ALIAS procyon_shared)
if(BUILD_SHARED_LIBS)
  add_library(procyon::procyon ALIAS procyon_shared)
else()
  add_library(procyon::procyon ALIAS procyon_static)
endif()
