# Writes a C file with the commit that a folder is at, and leaves the file alone if it says so already: run with every build,
# it has one file compiled when the commit changes.
#   cmake -D SOURCE=folder -D OUTPUT=file.c -P commit.cmake
cmake_minimum_required(VERSION 3.22)

set(ENV{GIT_OPTIONAL_LOCKS} 0)
function(ask_git result)
    execute_process(COMMAND git ${ARGN} WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_QUIET
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${result} ${text} PARENT_SCOPE)
    set(has_failed ${code} PARENT_SCOPE)
endfunction()

# A folder within another project's repository is at no commit of its own.
set(commit unknown)
ask_git(prefix rev-parse --show-prefix)
if(has_failed EQUAL 0 AND NOT prefix)
    ask_git(described describe --always --dirty --abbrev=12 --exclude=*)
    if(has_failed EQUAL 0)
        set(commit ${described})
    endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
/* Made by commit.cmake. */
extern const char commit_id[];
const char commit_id[] = "@commit@";
]])
