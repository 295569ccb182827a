/* What every suite expects of statuses. */
#ifndef BLASGRAD_TESTS_EXPECT_H
#define BLASGRAD_TESTS_EXPECT_H

#include <blasgrad/blasgrad.h>

#include <check.h>
#include <string.h>

/* name: the case, for messages. */
static inline void expect_ok(bg_status status, const char *name)
{
    ck_assert_msg(status == BG_OK, "%s: %s: %s", name, bg_status_name(status), bg_last_error());
}

/* The status, and a message that contains a text. */
static inline void expect_failure(bg_status status, bg_status expected, const char *part, const char *name)
{
    ck_assert_msg(status == expected, "%s: %s, expected %s: %s", name, bg_status_name(status), bg_status_name(expected),
                  bg_last_error());
    ck_assert_msg(strstr(bg_last_error(), part), "%s: message \"%s\" lacks \"%s\"", name, bg_last_error(), part);
}

#endif
