/* Reading ahead: a thread brings the examples of the next batch while one runs. */
#define _POSIX_C_SOURCE 200809L
#include "train/trainer.h"

#include "base/thread.h"

#include <blasgrad/graph.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bgi_batch_memory *memory_for(bgi_feed *feed, int64_t size)
{
    return size == feed->whole.size ? &feed->whole : &feed->rest;
}

static void set_state(bgi_feed *feed, bgi_feed_state state)
{
    feed->state = state;
    (void)pthread_cond_broadcast(&feed->changed);
}

static void *feed_main(void *argument)
{
    bgi_feed *feed = argument;
    (void)pthread_mutex_lock(&feed->mutex);
    while (feed->state != BGI_FEED_ENDS) {
        if (feed->state != BGI_FEED_ASKED) {
            (void)pthread_cond_wait(&feed->changed, &feed->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&feed->mutex);
        bg_status status = bgi_span_read(&feed->span, feed->dataset, memory_for(feed, feed->span.size));
        (void)pthread_mutex_lock(&feed->mutex);
        /* Messages belong to threads: this one's is taken to the one that runs the steps. */
        feed->status = status;
        if (status != BG_OK)
            (void)snprintf(feed->message, sizeof feed->message, "%s", bg_last_error());
        if (feed->state == BGI_FEED_ASKED)
            set_state(feed, BGI_FEED_READY);
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

bg_status bgi_feed_begin(bgi_feed *feed, bg_engine *engine, const char *caller, const bg_dataset *dataset,
                         int64_t batch)
{
    int64_t rest = bg_dataset_size(dataset) % batch;
    *feed = (bgi_feed){ .engine = engine, .caller = caller, .dataset = dataset };
    bg_status status = bgi_batch_memory_create(&feed->whole, engine, dataset, batch);
    if (status == BG_OK && rest > 0)
        status = bgi_batch_memory_create(&feed->rest, engine, dataset, rest);
    if (status != BG_OK)
        return status;
    (void)pthread_mutex_init(&feed->mutex, NULL);
    (void)pthread_cond_init(&feed->changed, NULL);
    int error = bgi_thread_start(&feed->thread, feed_main, feed);
    feed->has_thread = error == 0;
    return error ? bg_fail(BG_ERR_SYSTEM, "%s: the thread that reads ahead cannot be started: error %d of the system",
                           caller, error)
                 : BG_OK;
}

/* With the mutex. */
static void ask(bgi_feed *feed, const bgi_span *span)
{
    assert(feed->state == BGI_FEED_IDLE);
    feed->span = *span;
    set_state(feed, BGI_FEED_ASKED);
}

void bgi_feed_ask(bgi_feed *feed, const bgi_span *span)
{
    (void)pthread_mutex_lock(&feed->mutex);
    ask(feed, span);
    (void)pthread_mutex_unlock(&feed->mutex);
}

bg_status bgi_feed_take(bgi_feed *feed, const bgi_span *span, bgi_batch_memory *memory)
{
    /* In a forked child the thread is not there, and nobody would bring them. */
    bg_status status = bgi_engine_check(feed->engine, feed->caller);
    if (status != BG_OK)
        return status;
    (void)pthread_mutex_lock(&feed->mutex);
    if (feed->state == BGI_FEED_IDLE)
        ask(feed, span);
    assert(feed->span.order.epoch == span->order.epoch && feed->span.start == span->start);
    while (feed->state == BGI_FEED_ASKED)
        (void)pthread_cond_wait(&feed->changed, &feed->mutex);
    feed->state = BGI_FEED_IDLE;
    (void)pthread_mutex_unlock(&feed->mutex);
    if (feed->status != BG_OK)
        return bg_fail(feed->status, "%s", feed->message);
    bgi_batch_memory_swap(memory, memory_for(feed, span->size));
    return BG_OK;
}

void bgi_feed_end(bgi_feed *feed)
{
    if (feed->has_thread && feed->engine->process == (int)getpid()) {
        (void)pthread_mutex_lock(&feed->mutex);
        set_state(feed, BGI_FEED_ENDS);
        (void)pthread_mutex_unlock(&feed->mutex);
        (void)pthread_join(feed->thread, NULL);
        (void)pthread_cond_destroy(&feed->changed);
        (void)pthread_mutex_destroy(&feed->mutex);
    }
    bgi_batch_memory_release(&feed->whole);
    bgi_batch_memory_release(&feed->rest);
}
