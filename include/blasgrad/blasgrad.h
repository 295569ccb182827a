/* blasgrad: dense tensors, graphs and their gradients, compiled and trained on CPUs. This header includes all others.
 */
#ifndef BLASGRAD_H
#define BLASGRAD_H

#include <blasgrad/attack.h>
#include <blasgrad/certify.h>
#include <blasgrad/data.h>
#include <blasgrad/engine.h>
#include <blasgrad/grad.h>
#include <blasgrad/gradcheck.h>
#include <blasgrad/graph.h>
#include <blasgrad/io.h>
#include <blasgrad/lbfgs.h>
#include <blasgrad/linalg.h>
#include <blasgrad/lm.h>
#include <blasgrad/loss.h>
#include <blasgrad/metrics.h>
#include <blasgrad/nn.h>
#include <blasgrad/ops.h>
#include <blasgrad/optim.h>
#include <blasgrad/population.h>
#include <blasgrad/program.h>
#include <blasgrad/schedule.h>
#include <blasgrad/search.h>
#include <blasgrad/status.h>
#include <blasgrad/tensor.h>
#include <blasgrad/train.h>
#include <blasgrad/version.h>

#endif
