# tests/unit/ROOM/test_*.c: a program each, linked with that room alone (the linker proves the
# graph). tests/contract/ROOM/test_*.c: the same suite run on every implementation of a seam.
# A test that needs an outside library names it in ep_test_pkg() below.
enable_testing()

add_library(ep_harness STATIC ${CMAKE_SOURCE_DIR}/tests/harness.c)
target_link_libraries(ep_harness PUBLIC ep_flags room_base)
target_include_directories(ep_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests)

# Character classes for tests of the meter, which have no table of the whole of Unicode.
add_library(ep_classes STATIC ${CMAKE_SOURCE_DIR}/tests/classes.c)
target_link_libraries(ep_classes PRIVATE ep_flags)
target_include_directories(ep_classes PUBLIC ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src)

function(ep_tests kind room)
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/${room}/test_*.c)
    foreach(source IN LISTS tests)
        get_filename_component(stem ${source} NAME_WE)
        set(target ${kind}_${room}_${stem})
        add_executable(${target} ${source})
        ep_links_plainly(${target})
        target_link_libraries(${target} PRIVATE ep_harness room_${room})
        target_compile_definitions(${target} PRIVATE EP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
        add_test(NAME ${kind}/${room}/${stem} COMMAND ${target})
        set_tests_properties(${kind}/${room}/${stem} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
    endforeach()
endfunction()

# ep_test_pkg(TARGET modules...): an outside library that only this test uses.
function(ep_test_pkg target)
    if(TARGET ${target})
        foreach(module IN LISTS ARGN)
            pkg_check_modules(PKG_${module} REQUIRED IMPORTED_TARGET ${module})
            target_link_libraries(${target} PRIVATE PkgConfig::PKG_${module})
        endforeach()
    endif()
endfunction()

# ep_test_link(TARGET libraries...): one of the tree that is no room.
function(ep_test_link target)
    if(TARGET ${target})
        target_link_libraries(${target} PRIVATE ${ARGN})
    endif()
endfunction()

if(TARGET mkvocab_lib) # it is no room, but is tested as one
    add_library(room_mkvocab ALIAS mkvocab_lib)
    ep_tests(unit mkvocab)
    add_library(ep_vocab_sample STATIC ${CMAKE_SOURCE_DIR}/tests/vocab_sample.c)
    target_link_libraries(ep_vocab_sample PRIVATE ep_flags PUBLIC mkvocab_lib)
    target_include_directories(ep_vocab_sample PUBLIC ${CMAKE_SOURCE_DIR}/tests)
    pkg_check_modules(PKG_libutf8proc REQUIRED IMPORTED_TARGET libutf8proc)
    add_library(ep_plain_count STATIC ${CMAKE_SOURCE_DIR}/tests/plain_count.c)
    target_link_libraries(ep_plain_count PRIVATE ep_flags PkgConfig::PKG_libutf8proc
                                         PUBLIC ep_vocab_sample ep_classes)
endif()

if(TARGET room_policy) # the detectors' rules as a registry would give them
    add_library(ep_detect_sample STATIC ${CMAKE_SOURCE_DIR}/tests/detect_sample.c)
    target_link_libraries(ep_detect_sample PRIVATE ep_flags PUBLIC room_policy)
    target_include_directories(ep_detect_sample PUBLIC ${CMAKE_SOURCE_DIR}/tests)
endif()

if(TARGET room_dialect) # answers from a seed, and what each dialect can say of them
    add_library(ep_dialect_sample STATIC ${CMAKE_SOURCE_DIR}/tests/dialect_sample.c)
    target_link_libraries(ep_dialect_sample PRIVATE ep_flags PUBLIC room_dialect)
    target_include_directories(ep_dialect_sample PUBLIC ${CMAKE_SOURCE_DIR}/tests)
endif()

get_property(rooms GLOBAL PROPERTY EP_ROOMS)
foreach(room IN LISTS rooms)
    ep_tests(unit ${room})
    ep_tests(contract ${room})
endforeach()

include(${CMAKE_SOURCE_DIR}/cmake/test_packages.cmake)

# fuzz/fuzz_*.c: with EP_FUZZ a libFuzzer program each; always a replay of its corpus as a test.
# The first line of a target names its room: /* room: wire */
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source IN LISTS fuzzers)
    get_filename_component(stem ${source} NAME_WE)
    file(STRINGS ${source} first LIMIT_COUNT 1)
    string(REGEX REPLACE ".*room: ([a-z]+).*" "\\1" room "${first}")
    if(NOT TARGET room_${room})
        message(FATAL_ERROR "${source}: first line must be /* room: NAME */ with a room that exists")
    endif()
    if(EP_FUZZ)
        add_executable(${stem} ${source})
        target_link_libraries(${stem} PRIVATE ep_flags room_${room})
        target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${stem} ${source} ${CMAKE_SOURCE_DIR}/fuzz/replay.c)
        ep_links_plainly(${stem})
        target_link_libraries(${stem} PRIVATE ep_flags room_${room})
        add_test(NAME fuzz/${stem}
                 COMMAND ${stem} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${stem})
        set_tests_properties(fuzz/${stem} PROPERTIES TIMEOUT 300)
    endif()
endforeach()

# tests/tokens: our side of the comparison with other tokenizers.
add_executable(ep-token-ids ${CMAKE_SOURCE_DIR}/tests/tokens/ids.c)
target_link_libraries(ep-token-ids PRIVATE ep_flags room_meter room_crypto)
set_target_properties(ep-token-ids PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

# Our side of the comparison of whole chat requests with the families' own templates.
if(TARGET room_meter)
    add_executable(ep-chat-count ${CMAKE_SOURCE_DIR}/tests/tokens/chat.c)
    target_link_libraries(ep-chat-count PRIVATE ep_flags room_meter)
    set_target_properties(ep-chat-count PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()

# tests/usage: our side of the comparison of usage with another implementation of its rules.
if(TARGET room_meter)
    add_executable(ep-usage ${CMAKE_SOURCE_DIR}/tests/usage/usage.c)
    target_link_libraries(ep-usage PRIVATE ep_flags room_meter room_dialect)
    set_target_properties(ep-usage PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME usage/compare
             COMMAND python3 -B ${CMAKE_SOURCE_DIR}/tests/usage/compare.py $<TARGET_FILE:ep-usage>)
    set_tests_properties(usage/compare PROPERTIES TIMEOUT 300)
endif()

# tests/forms: our side of the comparison of forms with another reader of multipart.
if(TARGET room_wire)
    add_executable(ep-forms ${CMAKE_SOURCE_DIR}/tests/forms/forms.c)
    target_link_libraries(ep-forms PRIVATE ep_flags room_wire)
    set_target_properties(ep-forms PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME forms/compare
             COMMAND python3 -B ${CMAKE_SOURCE_DIR}/tests/forms/compare.py $<TARGET_FILE:ep-forms>)
    set_tests_properties(forms/compare PROPERTIES TIMEOUT 300)
endif()

# And of lengths of recordings with what other readers of containers say.
if(TARGET room_meter)
    add_executable(ep-sound ${CMAKE_SOURCE_DIR}/tests/forms/sound.c)
    target_link_libraries(ep-sound PRIVATE ep_flags room_meter)
    set_target_properties(ep-sound PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME forms/sounds
             COMMAND python3 -B ${CMAKE_SOURCE_DIR}/tests/forms/sounds.py $<TARGET_FILE:ep-sound>)
    set_tests_properties(forms/sounds PROPERTIES TIMEOUT 300)
endif()

# tests/readers: our side of the comparison with the vendors' own readers of streams.
if(TARGET ep_dialect_sample)
    add_executable(ep-dialect-streams ${CMAKE_SOURCE_DIR}/tests/readers/streams.c)
    target_link_libraries(ep-dialect-streams PRIVATE ep_flags ep_dialect_sample)
    set_target_properties(ep-dialect-streams PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()

# tests/law: our side of the comparison of verdicts with another implementation of the rules.
if(TARGET room_policy)
    pkg_check_modules(PKG_jansson REQUIRED IMPORTED_TARGET jansson)
    add_executable(ep-judge ${CMAKE_SOURCE_DIR}/tests/law/judge.c)
    target_link_libraries(ep-judge PRIVATE ep_flags room_policy PkgConfig::PKG_jansson)
    set_target_properties(ep-judge PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    # 100,000 calls are judged once, in two processes; other builds ask that they judge alike.
    set(law_registries 200)
    if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT EP_SANITIZE)
        set(law_registries 2500)
    endif()
    add_test(NAME law/compare_1 COMMAND ${CMAKE_SOURCE_DIR}/tests/law/run $<TARGET_FILE:ep-judge>
             compare 1 ${law_registries} 20)
    add_test(NAME law/compare_2 COMMAND ${CMAKE_SOURCE_DIR}/tests/law/run $<TARGET_FILE:ep-judge>
             compare 1000001 ${law_registries} 20)
    add_test(NAME law/rough COMMAND ${CMAKE_SOURCE_DIR}/tests/law/run $<TARGET_FILE:ep-judge>
             rough 1 5000)
    set_tests_properties(law/compare_1 law/compare_2 law/rough
                         PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
endif()

ep_test_link(fuzz_split ep_classes)
ep_test_link(fuzz_count ep_plain_count)
ep_test_link(fuzz_bpe ep_vocab_sample)
ep_test_link(fuzz_vocab ep_vocab_sample)
ep_test_link(fuzz_detect ep_detect_sample)

# tests/websocket: our side of the comparison of WebSocket frames.
if(TARGET room_wire)
    add_executable(ep-websocket ${CMAKE_SOURCE_DIR}/tests/websocket/frames.c)
    target_link_libraries(ep-websocket PRIVATE ep_flags room_wire)
    set_target_properties(ep-websocket PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()
