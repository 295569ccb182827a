/* Losses. Each takes the prediction, the target and a reduction, and so fits bg_trainer_options.loss. */
#ifndef BLASGRAD_LOSS_H
#define BLASGRAD_LOSS_H

#include <blasgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* BG_NONE leaves one value an element (a row for cross-entropy); BG_MEAN divides their sum by their number. */
typedef enum { BG_MEAN, BG_SUM, BG_NONE } bg_reduction;

typedef bg_node *bg_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);

/* |prediction - target|, same shapes; gradient 0 where they are equal. Least absolute deviation. */
BG_API bg_node *bg_l1_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
/* (prediction - target)², same shapes. Mean: over all elements. */
BG_API bg_node *bg_l2_loss(bg_node *prediction, bg_node *target, bg_reduction reduction);
/* Binary cross-entropy of probabilities sigmoid(logits) and targets in [0, 1], same shapes:
 * max(x, 0) - x y + log(1 + exp(-|x|)), dx = sigmoid(x) - y. */
BG_API bg_node *bg_bce_with_logits_loss(bg_node *logits, bg_node *target, bg_reduction reduction);
/* logsumexp(x) - x[class] for logits [.., c] and classes [..] (i32, i64, u8); softmax and loss in one loop,
 * dx = softmax(x) - onehot(class). A class outside 0 .. c - 1 makes the run fail with BG_ERR_INDEX. */
BG_API bg_node *bg_cross_entropy_loss(bg_node *logits, bg_node *classes, bg_reduction reduction);

/* The loss of a name: "l1", "l2", "bce_with_logits", "cross_entropy"; NULL with BG_ERR_ARGUMENT and a message that
 * lists the names if there is none. */
BG_API bg_loss *bg_loss_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
