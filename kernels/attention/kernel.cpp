// Attention, blockwise: the matrix of scores never leaves the cache.
#include "kernels/attention/backwardTangent.h"
#include "kernels/attention/forward.h"
#include "kernels/attention/tangent.h"

namespace steppe::STEPPE_NS::attending {

STEPPE_KERNEL("attention_f32", attention<float>);
STEPPE_KERNEL("attention_f64", attention<double>);
STEPPE_KERNEL("attention_backward_f32", attentionBackward<float>);
STEPPE_KERNEL("attention_backward_f64", attentionBackward<double>);
STEPPE_KERNEL("attention_tangent_f32", attentionTangent<float>);
STEPPE_KERNEL("attention_tangent_f64", attentionTangent<double>);
STEPPE_KERNEL("attention_backward_tangent_f32", attentionBackwardTangent<float>);
STEPPE_KERNEL("attention_backward_tangent_f64", attentionBackwardTangent<double>);

}  // namespace steppe::STEPPE_NS::attending
