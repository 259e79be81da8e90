# What `cmake --install` puts where, and the Debian packages made by `cpack`.
#
#   bin/cairn                         the program
#   libexec/cairn/cairn-extract       the sandboxed reader of foreign formats (see ingest/)
#   libexec/cairn/cairn-convert       starts converters of old formats for it (see ingest/)
#   libexec/cairn/cairn-ocr.so        Tesseract, opened where text is recognised
#   lib/cairn/cairn-faiss.so          FAISS and OpenBLAS, opened on first use (see index/vector/)
#   lib/cairn/cairn-http.so           libcurl, opened with a collection on a cluster (see opensearch/http.h)
#   lib/cairn/cairn-gateway.so        libcurl, opened when an endpoint is asked (see engine/gateway.h)
#   lib/systemd/user                  cairn-watch.service, cairn-serve.service, off until a user enables them
#   share/dbus-1, share/gnome-shell, share/krunner, share/applications   the desktop's search (cairn desktop)
#   lib/cairn/cairn-grpc.so           gRPC, opened when it is served (see server/grpc/)
#   share/man/man1, share/man/man5, share/bash-completion, share/doc/cairn
#   include/cairn, lib/libcairn.a, lib/pkgconfig/cairn.pc      to build on cairn.h (package libcairn-dev)
#
# The program finds cairn-extract from its own place, so the prefix can be moved. Prompts are
# compiled in; models are looked for as engine/catalogue.h says.
if(NOT TARGET cairn)
    return()
endif()
find_program(CAIRN_GZIP gzip REQUIRED)
set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/cairn)

install(TARGETS cairn RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
configure_file(cmake/cairn-watch.service.in ${CMAKE_BINARY_DIR}/package/cairn-watch.service @ONLY)
configure_file(cmake/cairn-serve.service.in ${CMAKE_BINARY_DIR}/package/cairn-serve.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/cairn-watch.service
    ${CMAKE_BINARY_DIR}/package/cairn-serve.service DESTINATION lib/systemd/user)
configure_file(cmake/desktop/org.cairn.Search.service.in ${CMAKE_BINARY_DIR}/package/org.cairn.Search.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/org.cairn.Search.service DESTINATION share/dbus-1/services)
install(FILES cmake/desktop/org.cairn.Search.ini DESTINATION share/gnome-shell/search-providers)
install(FILES cmake/desktop/org.cairn.Cairn.desktop DESTINATION share/applications)
install(FILES cmake/desktop/org.cairn.krunner.desktop DESTINATION share/krunner/dbusplugins)
install(TARGETS cairn-faiss cairn-gateway cairn-http LIBRARY DESTINATION lib/cairn)

# Manual and changelog, compressed the same way every time.
# cairn.conf(5) is made from the program's table of settings.
add_executable(conf_page docs/man/conf_page.c)
target_link_libraries(conf_page PRIVATE cairn_engine)
target_compile_definitions(conf_page PRIVATE CAIRN_VERSION_TEXT="${PROJECT_VERSION}")
set(conf_page ${CMAKE_BINARY_DIR}/package/cairn.conf.5)
add_custom_command(OUTPUT ${conf_page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/package
    COMMAND conf_page ${CMAKE_SOURCE_DIR}/docs/configuration.md > ${conf_page}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${conf_page}.new ${conf_page}
    DEPENDS conf_page ${CMAKE_SOURCE_DIR}/docs/configuration.md VERBATIM)
set(compressed)
foreach(pair "${CMAKE_SOURCE_DIR}/docs/man/cairn.1:cairn.1.gz" "${conf_page}:cairn.conf.5.gz"
        "${CMAKE_SOURCE_DIR}/CHANGELOG.md:changelog.gz")
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 source)
    list(GET pair 1 result)
    set(result ${CMAKE_BINARY_DIR}/package/${result})
    add_custom_command(OUTPUT ${result}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/package
        COMMAND ${CAIRN_GZIP} -9nc ${source} > ${result}
        DEPENDS ${source} VERBATIM)
    list(APPEND compressed ${result})
endforeach()
add_custom_target(cairn_manual ALL DEPENDS ${compressed})
install(FILES ${CMAKE_BINARY_DIR}/package/cairn.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_BINARY_DIR}/package/cairn.conf.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${CMAKE_BINARY_DIR}/package/changelog.gz README.md docs/configuration.md
    docs/dependencies.md DESTINATION ${doc_dir})
install(FILES cmake/copyright DESTINATION ${doc_dir})
install(FILES cli/completion/cairn.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME cairn)

# ---- for programs that use cairn.h -------------------------------------------------------------
# One archive of all rooms: the rooms are how we work, not what a user has to link in order.
set(rooms cairn_engine cairn_retrieve cairn_ingest cairn_generate cairn_index cairn_store cairn_base)
set(archive ${CMAKE_BINARY_DIR}/package/libcairn.a)
set(script "create ${archive}\n")
set(archives)
foreach(room ${rooms})
    string(APPEND script "addlib $<TARGET_FILE:${room}>\n")
    list(APPEND archives $<TARGET_FILE:${room}>)
endforeach()
string(APPEND script "save\nend\n")
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/package/libcairn.mri CONTENT "${script}")
add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} -M < ${CMAKE_BINARY_DIR}/package/libcairn.mri
    COMMAND ${CMAKE_STRIP} --strip-debug ${archive}
    DEPENDS ${rooms} ${archives} ${CMAKE_BINARY_DIR}/package/libcairn.mri VERBATIM)
add_custom_target(cairn_archive ALL DEPENDS ${archive})
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(FILES engine/cairn.h engine/care.h engine/chats.h engine/eval.h engine/feedback.h engine/memory.h engine/model.h engine/tables.h engine/runtime.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cairn/engine
    COMPONENT development)
install(FILES base/status.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cairn/base
    COMPONENT development)
configure_file(cmake/cairn.pc.in ${CMAKE_BINARY_DIR}/package/cairn.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/cairn.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcairn-dev
    COMPONENT development)

# ---- Debian packages ---------------------------------------------------------------------------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cairn)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "search and ask your own documents, offline")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Cairn authors <maintainers@cairn.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL Unspecified development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SECTION text)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME cairn)
set(CPACK_DEBIAN_UNSPECIFIED_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_RECOMMENDS "poppler-data, tesseract-ocr-eng, antiword, catdoc, universal-ctags")
set(CPACK_DEBIAN_UNSPECIFIED_DESCRIPTION "Cairn indexes the files a person or a team owns, finds passages in them by
words and by meaning, and answers questions with citations of document, page
and place, or says that the documents do not hold the answer. It runs offline
in one native program; the language models are files fetched separately.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libcairn-dev)
set(CPACK_DEBIAN_DEVELOPMENT_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "cairn (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "The static library and the headers of Cairn, for programs that index, search
and ask by themselves.")
include(CPack)
