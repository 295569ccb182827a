/* Adversarial training as a word: "pgd:eps=0.2:steps=7". */
#ifndef ADVERSARIAL_WORD_H
#define ADVERSARIAL_WORD_H

#include <blasgrad/attack.h>

/* What the word says. */
typedef struct {
    bg_adversarial numbers; /* but for the network */
    bool is_given;
    bool has_box; /* whether the word says what inputs may be, if only "none" */
} adversarial_settings;

/* False with a message of what is wrong and what would be right. */
bool adversarial_parse(const char *word, adversarial_settings *settings, char *message, size_t capacity);

#endif
