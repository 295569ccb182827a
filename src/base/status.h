/* Statuses from the inside. */
#ifndef BGI_STATUS_H
#define BGI_STATUS_H

#include <blasgrad/status.h>

/* How often bg_fail was called on this thread, modulo 2^32. */
unsigned bgi_failures(void);
/* Returns status, that of a function of a user's op. If it is a failure without a message, since there were `before`
 * failures, it gets one, so that no older message stands for it. */
bg_status bgi_check_message(bg_status status, unsigned before, const char *op, const char *function);

#endif
