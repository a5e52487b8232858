# The installed package: headers, the libraries, find_package(procyon), pkg-config, and three Debian packages
# (libprocyon<version> and libprocyon-net<version>: the shared libraries; libprocyon-dev: the rest), made by `cpack -G DEB`.
# The second is one of its own because it needs OpenSSL: a machine whose programs do not connect to others need not have it.

include(CMakePackageConfigHelpers)

set(procyon_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/procyon)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/procyon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

# One export file for each shape: a user of the shared library need not have what the static one links.
foreach(shape IN ITEMS static shared)
  install(TARGETS procyon_${shape} procyon_core_${shape} EXPORT procyon-${shape}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
  install(TARGETS procyon_net_${shape} EXPORT procyon-${shape}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT net NAMELINK_COMPONENT development)
  install(EXPORT procyon-${shape} NAMESPACE procyon:: DESTINATION ${procyon_cmake_dir} COMPONENT development)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/procyon-config.cmake.in
  ${PROJECT_BINARY_DIR}/procyon-config.cmake INSTALL_DESTINATION ${procyon_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/procyon-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/procyon-config.cmake ${PROJECT_BINARY_DIR}/procyon-config-version.cmake
        DESTINATION ${procyon_cmake_dir} COMPONENT development)

# Relative to where the .pc file lies: `cmake --install --prefix` may still choose another place.
file(RELATIVE_PATH PROCYON_PC_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" PROCYON_PC_PREFIX "${PROCYON_PC_PREFIX}")
foreach(name IN ITEMS procyon procyon-static)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME procyon)
set(CPACK_PACKAGE_CONTACT "Procyon <procyon@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Processes as easy to use as threads, for C++20")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime net development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libprocyon${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6 (>= 2.34), libstdc++6 (>= 12), libfmt${fmt_VERSION_MAJOR}")
# Loaded when a worker has crashed, to name the functions of its stack.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS libdw1)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/triggers")
file(WRITE ${PROJECT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_NET_PACKAGE_NAME libprocyon-net${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_NET_PACKAGE_SECTION libs)
string(REGEX MATCH "^[0-9]+" openssl_major "${OPENSSL_VERSION}")
set(CPACK_DEBIAN_NET_PACKAGE_DEPENDS
    "${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME} (= ${PROJECT_VERSION}), libssl${openssl_major}")
set(CPACK_DEBIAN_NET_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/triggers")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libprocyon-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME} (= ${PROJECT_VERSION}), ${CPACK_DEBIAN_NET_PACKAGE_NAME} (= ${PROJECT_VERSION}), libfmt-dev")
# The static libprocyon_net.a is linked with OpenSSL by whoever uses it.
string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libssl-dev")
# Whoever calls get_logger() includes spdlog's headers; nobody else needs them.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS libspdlog-dev)
include(CPack)
