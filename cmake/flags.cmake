# Warnings and hardening. A warning is an error with EP_WERROR=ON (what CI builds with).
set(EP_WARNINGS
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wformat=2
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings
    -Wcast-qual -Wcast-align -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion -Wfloat-equal
    -Wredundant-decls -Wnested-externs -Wnull-dereference -Wunused-macros)
set(EP_WARNINGS_GNU
    -Warith-conversion -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init
    -Walloca -Wcast-align=strict -Wformat-signedness -Wformat-overflow=2 -Wformat-truncation=1
    -Wbidi-chars=any)
set(EP_WARNINGS_CLANG
    -Wshadow-all -Wmissing-variable-declarations -Wassign-enum -Wcomma -Wconditional-uninitialized
    -Wunreachable-code-aggressive -Wextra-semi-stmt -Wthread-safety)

add_library(ep_flags INTERFACE)
target_compile_options(ep_flags INTERFACE
    ${EP_WARNINGS}
    $<$<C_COMPILER_ID:GNU>:${EP_WARNINGS_GNU}>
    $<$<C_COMPILER_ID:Clang>:${EP_WARNINGS_CLANG}>
    $<$<BOOL:${EP_WERROR}>:-Werror>
    -g3 -fno-omit-frame-pointer -fno-common -fvisibility=hidden -fno-strict-overflow
    -fno-delete-null-pointer-checks)
target_compile_definitions(ep_flags INTERFACE _GNU_SOURCE $<$<BOOL:${EP_CRASH_POINTS}>:EP_CRASH_POINTS>)
target_include_directories(ep_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
find_package(Threads REQUIRED)

# Programs are optimised as a whole; the hundreds of tests link the same objects as they are, which
# takes a tenth of the time.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -ffat-lto-objects)
endif()
function(ep_links_plainly target)
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_link_options(${target} PRIVATE -fno-lto)
    endif()
endfunction()

target_link_libraries(ep_flags INTERFACE Threads::Threads)

if(EP_SANITIZE STREQUAL "address")
    # local-bounds and the implicit conversions exist in Clang alone.
    set(EP_SAN -fsanitize=address,undefined -fno-sanitize-recover=all)
    if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
        list(APPEND EP_SAN -fsanitize=implicit-conversion,local-bounds,float-divide-by-zero)
    endif()
elseif(EP_SANITIZE STREQUAL "thread")
    set(EP_SAN -fsanitize=thread)
elseif(EP_SANITIZE STREQUAL "fuzzer")
    set(EP_SAN -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
endif()
if(EP_SAN)
    target_compile_options(ep_flags INTERFACE ${EP_SAN})
    target_link_options(ep_flags INTERFACE ${EP_SAN})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(ep_flags INTERFACE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
        -fstack-clash-protection -ftrivial-auto-var-init=zero)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
        target_compile_options(ep_flags INTERFACE -fcf-protection=full)
    endif()
    target_link_options(ep_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(EP_COVERAGE)
    target_compile_options(ep_flags INTERFACE --coverage)
    target_link_options(ep_flags INTERFACE --coverage)
endif()
