/* The loop of asking, evaluating and telling. */
#include "search/search.h"

#include "base/clock.h"
#include "base/status.h"

#include <math.h>

/* Room for the losses of a generation, which grows. */
typedef struct {
    double *values;
    int64_t capacity;
} loss_room;

static bg_status grow(bg_engine *engine, loss_room *room, int64_t n)
{
    if (n <= room->capacity)
        return BG_OK;
    double *values = bgi_alloc(engine, (size_t)n * sizeof *values);
    if (!values)
        return BG_ERR_NOMEM;
    bgi_free(engine, room->values, (size_t)room->capacity * sizeof *values);
    *room = (loss_room){ values, n };
    return BG_OK;
}

static bg_status step(bg_search *s, bg_objective *objective, void *user, loss_room *room)
{
    const bg_tensor *candidates;
    bg_status status = bg_search_ask(s, &candidates);
    if (status != BG_OK)
        return status;
    int64_t n = bg_tensor_shape(candidates).dims[0];
    status = grow(s->engine, room, n);
    if (status != BG_OK)
        return status;
    for (int64_t i = 0; i < n; i++)
        room->values[i] = NAN; /* what the objective leaves out counts as infinite */
    unsigned before = bgi_failures();
    status = objective(candidates, room->values, user);
    if (status == BG_OK)
        return bg_search_tell(s, room->values, n);
    if (bgi_failures() != before)
        return status;
    return bg_fail(status, "search_minimize: the objective returned %s without a message", bg_status_name(status));
}

static bg_status check_budget(const bg_search *s, const bg_search_budget *budget)
{
    if (budget->evaluations < 0 || !(budget->seconds >= 0) || (budget->target.is_some && isnan(budget->target.value)))
        return bg_fail(BG_ERR_ARGUMENT, "search_minimize: a budget of %lld evaluations and %g seconds to the loss %g",
                       (long long)budget->evaluations, budget->seconds, budget->target.value);
    if (budget->evaluations == 0 && budget->seconds == 0 && !budget->target.is_some)
        return bg_fail(BG_ERR_ARGUMENT, "search_minimize: the budget limits nothing");
    int64_t first = bg_search_get_progress(s).population;
    if (budget->evaluations > 0 && s->progress.evaluations == 0 && first > budget->evaluations)
        return bg_fail(BG_ERR_ARGUMENT,
                       "search_minimize: a budget of %lld evaluations, the first generation takes %lld",
                       (long long)budget->evaluations, (long long)first);
    return BG_OK;
}

static bool is_spent(const bg_search *s, const bg_search_budget *budget, double started)
{
    bg_search_progress now = bg_search_get_progress(s);
    if (now.has_converged || (budget->target.is_some && now.best_loss <= budget->target.value))
        return true;
    if (budget->evaluations > 0 && now.population > budget->evaluations - now.evaluations)
        return true;
    return budget->seconds > 0 && bgi_clock_seconds() - started >= budget->seconds;
}

bg_status bg_search_minimize(bg_search *s, bg_objective *objective, void *user, const bg_search_budget *budget)
{
    if (!s || !objective || !budget)
        return bg_fail(BG_ERR_ARGUMENT, "search_minimize: %s is NULL",
                       !s           ? "search"
                       : !objective ? "objective"
                                    : "budget");
    bg_status status = check_budget(s, budget);
    double started = bgi_clock_seconds();
    loss_room room = { NULL, 0 };
    while (status == BG_OK && !is_spent(s, budget, started))
        status = step(s, objective, user, &room);
    bgi_free(s->engine, room.values, (size_t)room.capacity * sizeof *room.values);
    return status;
}
