# Check, the unit test framework: target Check::Check, variable Check_VERSION. Debian's is static and needs subunit.
include(FindPackageHandleStandardArgs)

find_library(Check_LIBRARY NAMES check_pic check)
find_library(Check_SUBUNIT_LIBRARY NAMES subunit)
find_path(Check_INCLUDE_DIR NAMES check.h)
mark_as_advanced(Check_LIBRARY Check_SUBUNIT_LIBRARY Check_INCLUDE_DIR)
unset(Check_VERSION)
if(Check_INCLUDE_DIR)
    file(STRINGS "${Check_INCLUDE_DIR}/check.h" Check_version_lines REGEX "define CHECK_(MAJOR|MINOR|MICRO)_VERSION +\\(")
    if(Check_version_lines MATCHES "\\(([0-9]+)\\).*\\(([0-9]+)\\).*\\(([0-9]+)\\)")
        set(Check_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
    endif()
endif()

find_package_handle_standard_args(Check
    REQUIRED_VARS Check_LIBRARY Check_INCLUDE_DIR VERSION_VAR Check_VERSION
    REASON_FAILURE_MESSAGE "Debian's package is check.")

if(Check_FOUND AND NOT TARGET Check::Check)
    find_package(Threads REQUIRED)
    set(Check_dependencies Threads::Threads rt m)
    if(Check_SUBUNIT_LIBRARY)
        list(PREPEND Check_dependencies "${Check_SUBUNIT_LIBRARY}")
    endif()
    add_library(Check::Check UNKNOWN IMPORTED)
    set_target_properties(Check::Check PROPERTIES
        IMPORTED_LOCATION "${Check_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${Check_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${Check_dependencies}")
endif()
