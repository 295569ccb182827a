# OpenBLAS with its C header: target OpenBLAS::OpenBLAS, variables OpenBLAS_LIBRARY, OpenBLAS_INCLUDE_DIR, OpenBLAS_VERSION
# and OpenBLAS_IS_STATIC. The header is taken from where the chosen library has its own, then from the system's directories.
include(FindPackageHandleStandardArgs)

find_library(OpenBLAS_LIBRARY NAMES openblas)
set(OpenBLAS_header_hints)
set(OpenBLAS_IS_STATIC FALSE)
if(OpenBLAS_LIBRARY)
    if(OpenBLAS_LIBRARY MATCHES "\\.a$")
        set(OpenBLAS_IS_STATIC TRUE)
    endif()
    # Debian: <lib>/<triplet>/openblas-<variant>/libopenblas.so beside <include>/<triplet>/openblas-<variant>/cblas.h.
    get_filename_component(OpenBLAS_directory "${OpenBLAS_LIBRARY}" DIRECTORY)
    get_filename_component(OpenBLAS_variant "${OpenBLAS_directory}" NAME)
    list(APPEND OpenBLAS_header_hints "${OpenBLAS_directory}/../include")
    if(CMAKE_LIBRARY_ARCHITECTURE)
        list(APPEND OpenBLAS_header_hints "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/${OpenBLAS_variant}")
    endif()
endif()
find_path(OpenBLAS_INCLUDE_DIR NAMES cblas.h HINTS ${OpenBLAS_header_hints} PATH_SUFFIXES openblas)

unset(OpenBLAS_VERSION)
find_file(OpenBLAS_CONFIG_HEADER NAMES openblas_config.h HINTS "${OpenBLAS_INCLUDE_DIR}" PATH_SUFFIXES openblas)
mark_as_advanced(OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR OpenBLAS_CONFIG_HEADER)
if(OpenBLAS_CONFIG_HEADER)
    file(STRINGS "${OpenBLAS_CONFIG_HEADER}" OpenBLAS_version_line REGEX "define OPENBLAS_VERSION ")
    if(OpenBLAS_version_line MATCHES "OpenBLAS ([0-9]+\\.[0-9]+\\.[0-9]+)")
        set(OpenBLAS_VERSION ${CMAKE_MATCH_1})
    endif()
endif()

find_package_handle_standard_args(OpenBLAS
    REQUIRED_VARS OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR VERSION_VAR OpenBLAS_VERSION
    REASON_FAILURE_MESSAGE "Debian's package is libopenblas-dev.")

if(OpenBLAS_FOUND AND NOT TARGET OpenBLAS::OpenBLAS)
    add_library(OpenBLAS::OpenBLAS UNKNOWN IMPORTED)
    set_target_properties(OpenBLAS::OpenBLAS PROPERTIES
        IMPORTED_LOCATION "${OpenBLAS_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${OpenBLAS_INCLUDE_DIR}")
    # A directory of its own also holds the libblas.so.3 and liblapack.so.3 that a shared LAPACKE loads, and these fit only this
    # OpenBLAS. They are found through RPATH; RUNPATH does not reach the libraries of a library.
    get_filename_component(OpenBLAS_directory "${OpenBLAS_LIBRARY}" DIRECTORY)
    if(NOT OpenBLAS_IS_STATIC AND EXISTS "${OpenBLAS_directory}/libblas.so.3"
       AND NOT OpenBLAS_directory STREQUAL "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
        set_property(TARGET OpenBLAS::OpenBLAS PROPERTY INTERFACE_LINK_OPTIONS "LINKER:--disable-new-dtags")
    endif()
    if(OpenBLAS_IS_STATIC)
        find_package(Threads REQUIRED)
        set_property(TARGET OpenBLAS::OpenBLAS PROPERTY INTERFACE_LINK_LIBRARIES "gfortran;Threads::Threads;m")
    endif()
endif()
