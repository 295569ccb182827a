# xxHash as a header: target xxHash::xxHash. XXH_INLINE_ALL makes every function static, so nothing is linked or exported.
include(FindPackageHandleStandardArgs)

find_path(xxHash_INCLUDE_DIR NAMES xxhash.h)
mark_as_advanced(xxHash_INCLUDE_DIR)
find_package_handle_standard_args(xxHash REQUIRED_VARS xxHash_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Debian's package is libxxhash-dev.")

if(xxHash_FOUND AND NOT TARGET xxHash::xxHash)
    add_library(xxHash::xxHash INTERFACE IMPORTED)
    set_target_properties(xxHash::xxHash PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${xxHash_INCLUDE_DIR}" INTERFACE_COMPILE_DEFINITIONS "XXH_INLINE_ALL=")
endif()
