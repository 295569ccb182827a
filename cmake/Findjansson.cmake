# jansson: target jansson::jansson, variables jansson_LIBRARY, jansson_INCLUDE_DIR and jansson_VERSION.
include(FindPackageHandleStandardArgs)

find_library(jansson_LIBRARY NAMES jansson)
find_path(jansson_INCLUDE_DIR NAMES jansson.h)
mark_as_advanced(jansson_LIBRARY jansson_INCLUDE_DIR)
unset(jansson_VERSION)
if(jansson_INCLUDE_DIR)
    file(STRINGS "${jansson_INCLUDE_DIR}/jansson.h" jansson_version_line REGEX "define JANSSON_VERSION +\"")
    if(jansson_version_line MATCHES "\"([0-9.]+)\"")
        set(jansson_VERSION ${CMAKE_MATCH_1})
    endif()
endif()

find_package_handle_standard_args(jansson
    REQUIRED_VARS jansson_LIBRARY jansson_INCLUDE_DIR VERSION_VAR jansson_VERSION
    REASON_FAILURE_MESSAGE "Debian's package is libjansson-dev.")

if(jansson_FOUND AND NOT TARGET jansson::jansson)
    add_library(jansson::jansson UNKNOWN IMPORTED)
    set_target_properties(jansson::jansson PROPERTIES
        IMPORTED_LOCATION "${jansson_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${jansson_INCLUDE_DIR}")
endif()
