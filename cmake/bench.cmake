# The benchmark's own programs: an upstream and a load generator that cost as little as they can.
foreach(program mock load)
    if(EXISTS ${CMAKE_SOURCE_DIR}/bench/${program}.c)
        add_executable(ep-bench-${program} ${CMAKE_SOURCE_DIR}/bench/${program}.c)
        target_link_libraries(ep-bench-${program} PRIVATE ep_flags room_base)
        target_include_directories(ep-bench-${program} PRIVATE ${CMAKE_SOURCE_DIR}/bench)
    endif()
endforeach()
add_executable(ep-bench-count ${CMAKE_SOURCE_DIR}/bench/count.c)
target_link_libraries(ep-bench-count PRIVATE ep_flags room_meter room_crypto)
set_target_properties(ep-bench-count PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
# Long books, for what must stay quick on them; EP_VERSION as room_app has it.
add_executable(ep-bench-books ${CMAKE_SOURCE_DIR}/bench/books.c)
target_link_libraries(ep-bench-books PRIVATE ep_flags room_app)
set_target_properties(ep-bench-books PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
# What grants cost when a registry is put in force.
add_executable(ep-bench-registry ${CMAKE_SOURCE_DIR}/bench/registry.c)
target_link_libraries(ep-bench-registry PRIVATE ep_flags room_registry)
set_target_properties(ep-bench-registry PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
