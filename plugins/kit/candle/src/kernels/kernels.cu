// What passes compute between products, a block of threads for each row; compiled when first used.
//
// Values are f32, f16 or bf16; everything is computed in f32. No header is included, so that
// compiling needs none on the machine.

struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };

typedef unsigned int u32;

__device__ inline float get(float value) { return value; }
__device__ inline float get(f16 value) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
}
__device__ inline float get(bf16 value) { return __uint_as_float((u32)value.bits << 16); }

__device__ inline void put(float *into, float value) { *into = value; }
__device__ inline void put(f16 *into, float value) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(into->bits) : "f"(value));
}
// Rounds to nearest, ties to even; NaN stays NaN.
__device__ inline void put(bf16 *into, float value) {
    u32 bits = __float_as_uint(value);
    u32 rounded = bits + 0x7fff + ((bits >> 16) & 1);
    into->bits = value == value ? rounded >> 16 : 0x7fc0;
}

__device__ inline float infinity() { return __uint_as_float(0x7f800000u); }

__device__ inline float sum_of_warp(float value) {
    for (int lanes = 16; lanes > 0; lanes >>= 1) value += __shfl_xor_sync(~0u, value, lanes);
    return value;
}

// The sum of a block's values, for all of its threads.
__device__ float sum_of_block(float value) {
    __shared__ float sums[32];
    int warps = (blockDim.x + 31) / 32;
    value = sum_of_warp(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    return sum_of_warp(threadIdx.x % 32 < warps ? sums[threadIdx.x % 32] : 0.0f);
}

__device__ float max_of_block(float value) {
    __shared__ float largest[32];
    int warps = (blockDim.x + 31) / 32;
    for (int lanes = 16; lanes > 0; lanes >>= 1) {
        value = fmaxf(value, __shfl_xor_sync(~0u, value, lanes));
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) largest[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x % 32 < warps ? largest[threadIdx.x % 32] : -infinity();
    for (int lanes = 16; lanes > 0; lanes >>= 1) {
        value = fmaxf(value, __shfl_xor_sync(~0u, value, lanes));
    }
    return value;
}

// Each thread's largest value and sum of exp(value - largest), as one for the block.
__device__ void join_sums(float &largest, float &sum) {
    float of_all = max_of_block(largest);
    sum = sum_of_block(largest == -infinity() ? 0.0f : sum * __expf(largest - of_all));
    largest = of_all;
}

// Takes one more value into a largest value and sum of exp(value - largest).
__device__ inline void take(float value, float &largest, float &sum) {
    if (value > largest) {
        sum = sum * __expf(largest - value) + 1.0f;
        largest = value;
    } else {
        sum += __expf(value - largest);
    }
}

__device__ inline float soft_cap(float value, float cap) {
    return cap > 0.0f ? cap * tanhf(value / cap) : value;
}

// Derivative of soft_cap at a value that became `capped`.
__device__ inline float soft_cap_slope(float capped, float cap) {
    return cap > 0.0f ? 1.0f - (capped / cap) * (capped / cap) : 1.0f;
}

// y = w x / sqrt(mean(x^2) + epsilon)
template <typename T>
__device__ void norm(const T *x, const float *w, T *y, u32 width, float epsilon) {
    size_t row = (size_t)blockIdx.x * width;
    float squares = 0.0f;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) squares += get(x[row + i]) * get(x[row + i]);
    float reciprocal = rsqrtf(sum_of_block(squares) / width + epsilon);
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        put(&y[row + i], w[i] * (get(x[row + i]) * reciprocal));
    }
}

// With r the reciprocal of the root and g = w dy: dx = r g - x r^3 mean(g x)
template <typename T>
__device__ void norm_gradient(const T *x, const T *dy, const float *w, T *dx, u32 width, float epsilon) {
    size_t row = (size_t)blockIdx.x * width;
    float squares = 0.0f, along = 0.0f;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float value = get(x[row + i]);
        squares += value * value;
        along += w[i] * get(dy[row + i]) * value;
    }
    float reciprocal = rsqrtf(sum_of_block(squares) / width + epsilon);
    along = sum_of_block(along) / width * reciprocal * reciprocal * reciprocal;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float g = w[i] * get(dy[row + i]);
        put(&dx[row + i], reciprocal * g - along * get(x[row + i]));
    }
}

// x sigmoid(x), or GELU's tanh approximation as x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
__device__ inline void activation(u32 is_gelu, float x, float &value, float &slope) {
    const float root = 0.7978845608f, cubic = 0.044715f;
    float inner = is_gelu ? 2.0f * root * (x + cubic * x * x * x) : x;
    float inner_slope = is_gelu ? 2.0f * root * (1.0f + 3.0f * cubic * x * x) : 1.0f;
    float sigmoid = 1.0f / (1.0f + __expf(-inner));
    value = x * sigmoid;
    slope = sigmoid + x * sigmoid * (1.0f - sigmoid) * inner_slope;
}

// y = activation(gate) up
template <typename T>
__device__ void gate(const T *gate, const T *up, T *y, size_t len, u32 is_gelu) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    float value, slope;
    activation(is_gelu, get(gate[i]), value, slope);
    put(&y[i], value * get(up[i]));
}

// dgate = dy up activation'(gate), dup = dy activation(gate)
template <typename T>
__device__ void gate_gradients(const T *gate, const T *up, const T *dy, T *dgate, T *dup, size_t len, u32 is_gelu) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    float value, slope, from_above = get(dy[i]);
    activation(is_gelu, get(gate[i]), value, slope);
    put(&dgate[i], from_above * get(up[i]) * slope);
    put(&dup[i], from_above * value);
}

__device__ inline u32 scramble(u32 value) {
    value = (value ^ (value >> 16)) * 0x85ebca6bu;
    value = (value ^ (value >> 13)) * 0xc2b2ae35u;
    return value ^ (value >> 16);
}

// The masks of olive-kit-decoder: an entry is kept by a hash of its index.
template <typename T>
__device__ void drop_entries(const T *x, T *y, size_t len, u32 key_0, u32 key_1, u32 threshold, float scale) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    u32 hash = scramble(scramble((u32)i ^ key_0) ^ key_1);
    put(&y[i], hash >= threshold ? get(x[i]) * scale : 0.0f);
}

// Which queries a block of scores is for, and how scores become logits of the softmax.
struct Scores {
    u32 seq;
    u32 rows_per_sequence;  // heads times queries
    u32 num_queries;
    u32 first_query;
    u32 num_keys;
    u32 first_key;
    u32 window;
    float scale;
    float cap;
};

// Softmax over the keys each query sees. Of `visible`, the lower bits say where a token's sample
// starts and the highest whether the token may not be seen.
template <typename T>
__device__ void probabilities(const T *scores, const u32 *visible, T *into, Scores s) {
    const u32 HIDDEN = 1u << 31;
    size_t row = (size_t)blockIdx.x * s.num_keys;
    visible += (size_t)(blockIdx.x / s.rows_per_sequence) * s.seq;
    u32 query = s.first_query + blockIdx.x % s.num_queries;
    u32 first = visible[query] & ~HIDDEN;
    if (query + 1 > s.window && query + 1 - s.window > first) first = query + 1 - s.window;
    float largest = -infinity(), sum = 0.0f;
    for (u32 i = threadIdx.x; i < s.num_keys; i += blockDim.x) {
        u32 key = s.first_key + i;
        if (key < first || key > query || (visible[key] & HIDDEN)) continue;
        take(soft_cap(get(scores[row + i]) * s.scale, s.cap), largest, sum);
    }
    join_sums(largest, sum);
    float reciprocal = sum > 0.0f ? 1.0f / sum : 0.0f;
    for (u32 i = threadIdx.x; i < s.num_keys; i += blockDim.x) {
        u32 key = s.first_key + i;
        float value = 0.0f;
        if (key >= first && key <= query && !(visible[key] & HIDDEN)) {
            value = __expf(soft_cap(get(scores[row + i]) * s.scale, s.cap) - largest) * reciprocal;
        }
        put(&into[row + i], value);
    }
}

// dS = P (dP - sum(P dP)), through cap and scale
template <typename T>
__device__ void score_gradients(const T *scores, const T *p, const T *dp, T *into, u32 num_keys, float scale, float cap) {
    size_t row = (size_t)blockIdx.x * num_keys;
    float mean = 0.0f;
    for (u32 i = threadIdx.x; i < num_keys; i += blockDim.x) mean += get(p[row + i]) * get(dp[row + i]);
    mean = sum_of_block(mean);
    for (u32 i = threadIdx.x; i < num_keys; i += blockDim.x) {
        float gradient = get(p[row + i]) * (get(dp[row + i]) - mean) * scale;
        if (cap > 0.0f) gradient *= soft_cap_slope(soft_cap(get(scores[row + i]) * scale, cap), cap);
        put(&into[row + i], gradient);
    }
}

template <typename T>
__device__ void sums_of_logits(const T *logits, u32 vocab_size, float cap, float &largest, float &sum) {
    size_t row = (size_t)blockIdx.x * vocab_size;
    largest = -infinity(), sum = 0.0f;
    for (u32 i = threadIdx.x; i < vocab_size; i += blockDim.x) {
        take(soft_cap(get(logits[row + i]), cap), largest, sum);
    }
    join_sums(largest, sum);
}

// With p the softmax: (1 - s) (-ln p[label]) + s mean(-ln p)
template <typename T>
__device__ void losses(const T *logits, const u32 *labels, float *into, u32 vocab_size, float cap, float smoothing) {
    size_t row = (size_t)blockIdx.x * vocab_size;
    float largest, sum, mean = 0.0f;
    sums_of_logits(logits, vocab_size, cap, largest, sum);
    if (smoothing > 0.0f) {
        for (u32 i = threadIdx.x; i < vocab_size; i += blockDim.x) mean += soft_cap(get(logits[row + i]), cap);
        mean = sum_of_block(mean) / vocab_size;
    }
    if (threadIdx.x > 0) return;
    float at_label = soft_cap(get(logits[row + labels[blockIdx.x]]), cap);
    into[blockIdx.x] = largest + logf(sum) - (1.0f - smoothing) * at_label - smoothing * mean;
}

// share (p - (1 - s) at the label - s / vocab_size), through the cap
template <typename T>
__device__ void loss_gradient(const T *logits, const u32 *labels, T *into, u32 vocab_size, float cap, float smoothing, float share) {
    size_t row = (size_t)blockIdx.x * vocab_size;
    float largest, sum;
    sums_of_logits(logits, vocab_size, cap, largest, sum);
    u32 label = labels[blockIdx.x];
    for (u32 i = threadIdx.x; i < vocab_size; i += blockDim.x) {
        float capped = soft_cap(get(logits[row + i]), cap);
        float gradient = __expf(capped - largest) / sum - smoothing / vocab_size;
        if (i == label) gradient -= 1.0f - smoothing;
        put(&into[row + i], share * gradient * soft_cap_slope(capped, cap));
    }
}

// Turns heads by the angles of their positions and changes their order: of `[batch, seq, heads,
// head_dim]`, whose rows are `stride` apart, to `[batch, heads, seq, head_dim]`, or back.
template <typename T>
__device__ void turn_heads(const T *rows, const float *cos, const float *sin, T *into, u32 seq, u32 num_heads, u32 head_dim, u32 half, u32 stride, u32 back, size_t len) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    u32 place = i % head_dim, head = i / head_dim % num_heads;
    size_t token = i / head_dim / num_heads;
    size_t at_row = token * stride + head * head_dim;
    size_t at_head = ((token / seq * num_heads + head) * seq + token % seq) * head_dim;
    const T *from = rows + (back ? at_head : at_row);
    float value = get(from[place]);
    if (place < 2 * half) {
        u32 pair = place % half;
        float other = get(from[place < half ? place + half : pair]);
        float turn = sin[token * half + pair] * (back ? -1.0f : 1.0f);
        value = value * cos[token * half + pair] + (place < half ? -other : other) * turn;
    }
    put(&into[(back ? at_row : at_head) + place], value);
}

#define FOR_EACH_TYPE(X) X(f32, float) X(f16, f16) X(bf16, bf16)

#define KERNELS(name, T) \
    extern "C" __global__ void norm_##name(const T *x, const float *w, T *y, u32 width, float epsilon) { norm(x, w, y, width, epsilon); } \
    extern "C" __global__ void norm_gradient_##name(const T *x, const T *dy, const float *w, T *dx, u32 width, float epsilon) { norm_gradient(x, dy, w, dx, width, epsilon); } \
    extern "C" __global__ void gate_##name(const T *g, const T *up, T *y, size_t len, u32 is_gelu) { gate(g, up, y, len, is_gelu); } \
    extern "C" __global__ void gate_gradients_##name(const T *g, const T *up, const T *dy, T *dgate, T *dup, size_t len, u32 is_gelu) { gate_gradients(g, up, dy, dgate, dup, len, is_gelu); } \
    extern "C" __global__ void drop_entries_##name(const T *x, T *y, size_t len, u32 key_0, u32 key_1, u32 threshold, float scale) { drop_entries(x, y, len, key_0, key_1, threshold, scale); } \
    extern "C" __global__ void probabilities_##name(const T *scores, const u32 *visible, T *into, u32 seq, u32 rows_per_sequence, u32 num_queries, u32 first_query, u32 num_keys, u32 first_key, u32 window, float scale, float cap) { \
        probabilities(scores, visible, into, Scores{seq, rows_per_sequence, num_queries, first_query, num_keys, first_key, window, scale, cap}); } \
    extern "C" __global__ void score_gradients_##name(const T *scores, const T *p, const T *dp, T *into, u32 num_keys, float scale, float cap) { score_gradients(scores, p, dp, into, num_keys, scale, cap); } \
    extern "C" __global__ void losses_##name(const T *logits, const u32 *labels, float *into, u32 vocab_size, float cap, float smoothing) { losses(logits, labels, into, vocab_size, cap, smoothing); } \
    extern "C" __global__ void loss_gradient_##name(const T *logits, const u32 *labels, T *into, u32 vocab_size, float cap, float smoothing, float share) { loss_gradient(logits, labels, into, vocab_size, cap, smoothing, share); } \
    extern "C" __global__ void turn_heads_##name(const T *rows, const float *cos, const float *sin, T *into, u32 seq, u32 num_heads, u32 head_dim, u32 half, u32 stride, u32 back, size_t len) { turn_heads(rows, cos, sin, into, seq, num_heads, head_dim, half, stride, back, len); }

FOR_EACH_TYPE(KERNELS)
