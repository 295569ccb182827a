# LAPACKE on top of OpenBLAS::OpenBLAS: target LAPACKE::LAPACKE, variables LAPACKE_LIBRARY, LAPACKE_INCLUDE_DIR and
# LAPACKE_IS_STATIC. It is static where OpenBLAS is: a shared LAPACKE would bring a second, shared OpenBLAS with threads and a
# thread count of its own. An OpenBLAS built with LAPACKE inside serves where there is no liblapacke.
include(FindPackageHandleStandardArgs)
include(CMakeFindDependencyMacro)
find_dependency(OpenBLAS)

set(LAPACKE_IS_STATIC ${OpenBLAS_IS_STATIC})
set(LAPACKE_system_suffixes ${CMAKE_FIND_LIBRARY_SUFFIXES})
if(LAPACKE_IS_STATIC)
    set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()
get_filename_component(LAPACKE_hint "${OpenBLAS_LIBRARY}" DIRECTORY)
find_library(LAPACKE_LIBRARY NAMES lapacke openblas HINTS "${LAPACKE_hint}")
set(CMAKE_FIND_LIBRARY_SUFFIXES ${LAPACKE_system_suffixes})
find_path(LAPACKE_INCLUDE_DIR NAMES lapacke.h HINTS "${OpenBLAS_INCLUDE_DIR}" PATH_SUFFIXES lapacke openblas)
mark_as_advanced(LAPACKE_LIBRARY LAPACKE_INCLUDE_DIR)

find_package_handle_standard_args(LAPACKE REQUIRED_VARS LAPACKE_LIBRARY LAPACKE_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Debian's package is liblapacke-dev.")

if(LAPACKE_FOUND AND NOT TARGET LAPACKE::LAPACKE)
    add_library(LAPACKE::LAPACKE UNKNOWN IMPORTED)
    set_target_properties(LAPACKE::LAPACKE PROPERTIES
        IMPORTED_LOCATION "${LAPACKE_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${LAPACKE_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES OpenBLAS::OpenBLAS)
endif()
