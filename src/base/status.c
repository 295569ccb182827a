/* Statuses, the calling thread's error message, and the version. */
#include "base/status.h"

#include <blasgrad/graph.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 512 };
static _Thread_local char last_error[MESSAGE_BYTES];
static _Thread_local unsigned failures;

/* Cuts a text that was too long in front of a UTF-8 sequence that is not whole. */
static void cut_at_character(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (length - (start - 1) < wanted)
        text[start - 1] = '\0';
}

bg_status bg_fail(bg_status status, const char *format, ...)
{
    /* By way of a second buffer, because an argument may be the old message. */
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length < 0)
        message[0] = '\0';
    else if ((size_t)length >= sizeof message)
        cut_at_character(message, sizeof message - 1);
    memcpy(last_error, message, strlen(message) + 1);
    failures++;
    return status;
}

const char *bg_last_error(void) { return last_error; }

unsigned bgi_failures(void) { return failures; }

bg_status bgi_check_message(bg_status status, unsigned before, const char *op, const char *function)
{
    if (status == BG_OK || failures != before)
        return status;
    return bg_fail(status, "%s: the op's %s returned %s (%d) without a message", op, function, bg_status_name(status),
                   (int)status);
}

const char *bg_status_name(bg_status status)
{
    static const char *const names[BG_STATUS_COUNT] = {
#define STATUS_NAME(name, text) [name] = #name,
        BG_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };
    return (unsigned)status < BG_STATUS_COUNT ? names[status] : "unknown status";
}

const char *bg_version(void) { return BG_VERSION; }
