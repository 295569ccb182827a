/* The table of activations. */
#ifndef BGI_ACTIVATION_H
#define BGI_ACTIVATION_H

#include <blasgrad/nn.h>

typedef struct {
    const char *name;
    bg_node *(*apply)(bg_node *x); /* NULL: apply_with a number */
    bg_node *(*apply_with)(bg_node *x, double number);
    const char *label; /* of the number, "SLOPE" */
    double number;     /* unless another is given */
} bgi_activation;

/* Ends with a row whose name is NULL. */
extern const bgi_activation bgi_activations[];

/* The row of a name of `length` bytes, or NULL. */
const bgi_activation *bgi_activation_find(const char *name, size_t length);

/* "relu tanh .." for messages. Returns the length without the final zero. */
size_t bgi_activation_names(char *buffer, size_t capacity);

#endif
