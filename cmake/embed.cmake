# The example registry inside the program: registry/*.yaml and its documents become one C file in
# the build folder, written by this same file in script mode, whenever one of them changes.
if(CMAKE_SCRIPT_MODE_FILE)
    set(arrays "")
    set(rows "")
    set(count 0)
    foreach(path IN LISTS EP_EMBED)
        file(RELATIVE_PATH name "${EP_EMBED_ROOT}" "${path}")
        file(READ "${path}" hex HEX)
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
        string(APPEND arrays "static const unsigned char file_${count}[] = { ${bytes} };\n")
        string(APPEND rows "    { \"${name}\", file_${count}, sizeof(file_${count}) },\n")
        math(EXPR count "${count} + 1")
    endforeach()
    file(WRITE "${EP_OUT}" "#include \"app/embed.h\"\n\n${arrays}\n"
        "const struct embed_file embed_registry[] = {\n${rows}};\n"
        "const size_t embed_registry_count = ${count};\n")
    return()
endif()

if(TARGET room_app)
    file(GLOB embedded CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/registry/*.yaml
        ${CMAKE_SOURCE_DIR}/registry/documents/*)
    set(embed_out ${CMAKE_BINARY_DIR}/generated/embed_registry.c)
    add_custom_command(
        OUTPUT ${embed_out}
        COMMAND ${CMAKE_COMMAND} "-DEP_EMBED=${embedded}" -DEP_OUT=${embed_out}
                -DEP_EMBED_ROOT=${CMAKE_SOURCE_DIR}/registry
                -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${embedded} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
    target_sources(room_app PRIVATE ${embed_out})
endif()
