/* The worker pool: threads that run one function together. */
#ifndef BGI_POOL_H
#define BGI_POOL_H

#include "base/engine.h"

typedef void bgi_work(void *context, int worker);

/* Starts threads - 1 workers; the caller of bgi_pool_run is worker 0. BG_ERR_SYSTEM if they cannot be started,
 * BG_ERR_NOMEM.
 */
bg_status bgi_pool_create(bgi_pool **pool, bg_engine *engine, int threads);
/* Joins the workers; in a forked child, where there are none, only frees. */
void bgi_pool_destroy(bgi_pool *pool);

/* Runs work(context, w) for all workers w at the same time and returns when all have. While it runs, floating-point
 * state is set to flush denormals to zero on every worker; the caller's state is restored. */
void bgi_pool_run(bgi_pool *pool, bgi_work *work, void *context);
/* Runs work(context, 0) on the calling thread alone, with the same floating-point state. */
void bgi_pool_run_alone(bgi_pool *pool, bgi_work *work, void *context);
/* Inside work: waits until all workers are here. Spins briefly, then sleeps. */
void bgi_pool_barrier(bgi_pool *pool);

#endif
