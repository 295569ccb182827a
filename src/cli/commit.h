/* What was built. */
#ifndef COMMIT_H
#define COMMIT_H

/* The commit in git, with "-dirty" behind it if files differed from it; "unknown" if it was not built from a
 * repository of its own. Written by cmake/commit.cmake. */
extern const char commit_id[];

#endif
