// Attention, blockwise: the matrix of scores never leaves the cache.
#include "kernels/attention/backward.h"
#include "kernels/attention/forward.h"

namespace steppe::STEPPE_NS::attending {

STEPPE_KERNEL("attention_f32", attention<float>);
STEPPE_KERNEL("attention_f64", attention<double>);
STEPPE_KERNEL("attention_backward_f32", attentionBackward<float>);
STEPPE_KERNEL("attention_backward_f64", attentionBackward<double>);

}  // namespace steppe::STEPPE_NS::attending
