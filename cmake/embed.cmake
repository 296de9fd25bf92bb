# What the program carries: the example registries (registry/ and registry-zone/, YAML and documents)
# and the API's description (schema/) become one C file each in the build folder, written by this same file in script mode, whenever one of
# theirs changes.
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
        "const struct embed_file ${EP_EMBED_NAME}[] = {\n${rows}};\n"
        "const size_t ${EP_EMBED_NAME}_count = ${count};\n")
    return()
endif()

function(ep_embed folder name)
    file(GLOB embedded CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.yaml
        ${CMAKE_SOURCE_DIR}/${folder}/*.json
        ${CMAKE_SOURCE_DIR}/${folder}/documents/*)
    set(embed_out ${CMAKE_BINARY_DIR}/generated/${name}.c)
    add_custom_command(
        OUTPUT ${embed_out}
        COMMAND ${CMAKE_COMMAND} "-DEP_EMBED=${embedded}" -DEP_OUT=${embed_out}
                -DEP_EMBED_ROOT=${CMAKE_SOURCE_DIR}/${folder} -DEP_EMBED_NAME=${name}
                -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${embedded} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
    target_sources(room_app PRIVATE ${embed_out})
endfunction()

if(TARGET room_app)
    ep_embed(registry embed_registry)
    ep_embed(registry-zone embed_registry_zone)
    ep_embed(schema embed_schema)
endif()
