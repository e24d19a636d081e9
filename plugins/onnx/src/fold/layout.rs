//! Operators that move numbers.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;

use crate::constant::Array;

/// The axis `axis` of `rank`, counted from the end when it is negative.
pub(super) fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis + rank } else { axis };
    (0..rank).contains(&axis).then_some(usize::try_from(axis).ok()?)
}

/// Arrays one after the other along `axis`.
pub(super) fn concat(inputs: &[Option<&Array>], axis: i64) -> Option<Array> {
    let arrays: Vec<&Array> = inputs.iter().copied().collect::<Option<_>>()?;
    let first = arrays.first()?;
    let axis = axis_of(axis, first.dims.len())?;
    let mut dims = first.dims.clone();
    dims[axis] = arrays.iter().map(|array| array.dims.get(axis).copied().unwrap_or(0)).sum();
    let is_alike = |array: &&Array| {
        let (mut one, mut other) = (array.dims.clone(), dims.clone());
        (one.len() == other.len() && array.dtype == first.dtype).then(|| {
            (one[axis], other[axis]) = (0, 0);
            one == other
        }) == Some(true)
    };
    if !arrays.iter().all(is_alike) {
        return None;
    }
    let outer = count(&dims[..axis])?;
    let sizes: Vec<usize> =
        arrays.iter().map(|array| count(&array.dims[axis..])).collect::<Option<_>>()?;
    let starts = sizes.iter().zip(&arrays).scan(0, |start, (_, array)| {
        let own = *start;
        *start += array.len();
        Some(own)
    });
    let starts: Vec<usize> = starts.collect();
    let mut places = Vec::new();
    for row in 0..outer {
        for (&size, &start) in sizes.iter().zip(&starts) {
            places.extend((0..size).map(|index| start + row * size + index));
        }
    }
    joined(&arrays)?.picked(dims, &places)
}

/// Numbers of `array` at `indices` along `axis`.
pub(super) fn gather(array: &Array, indices: &Array, axis: i64) -> Option<Array> {
    let axis = axis_of(axis, array.dims.len())?;
    let (outer, inner) = (count(&array.dims[..axis])?, count(&array.dims[axis + 1..])?);
    let side = usize::try_from(array.dims[axis]).ok()?;
    let chosen: Vec<usize> =
        indices.as_ints()?.iter().map(|&index| axis_of(index, side)).collect::<Option<_>>()?;
    let mut places = Vec::new();
    for row in 0..outer {
        for &index in &chosen {
            places.extend((0..inner).map(|last| (row * side + index) * inner + last));
        }
    }
    let dims = [&array.dims[..axis], &indices.dims, &array.dims[axis + 1..]].concat();
    array.picked(dims, &places)
}

/// `array` with axes of size 1 at `axes`.
pub(super) fn unsqueeze(array: &Array, axes: &[i64]) -> Option<Array> {
    let rank = array.dims.len() + axes.len();
    let axes: Vec<usize> = axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Option<_>>()?;
    let mut old = array.dims.iter().copied();
    let dims = (0..rank).map(|index| if axes.contains(&index) { Some(1) } else { old.next() });
    array.clone().shaped(dims.collect::<Option<_>>()?)
}

/// `array` without `axes` of size 1, or without all of them.
pub(super) fn squeeze(array: &Array, axes: Option<&[i64]>) -> Option<Array> {
    let rank = array.dims.len();
    let is_dropped = |index: usize| match axes {
        Some(axes) => axes.iter().any(|&axis| axis_of(axis, rank) == Some(index)),
        None => array.dims[index] == 1,
    };
    let dims = (0..rank).filter(|&index| !is_dropped(index)).map(|index| array.dims[index]);
    array.clone().shaped(dims.collect())
}

/// `array` in the shape `wanted`, in which -1 is what is left and 0 what was there.
pub(super) fn reshape(array: &Array, wanted: &[i64], zero_is_zero: bool) -> Option<Array> {
    let known = |(index, &side): (usize, &i64)| match side {
        0 if !zero_is_zero => array.dims.get(index).copied(),
        side => Some(side),
    };
    let mut dims: Vec<i64> = wanted.iter().enumerate().map(known).collect::<Option<_>>()?;
    if let Some(open) = dims.iter().position(|&side| side == -1) {
        dims[open] = 1;
        let rest = count(&dims)?;
        dims[open] = i64::try_from(array.len().checked_div(rest)?).ok()?;
    }
    array.clone().shaped(dims)
}

/// `array` with its axes in the order `order`, or reversed.
pub(super) fn transpose(array: &Array, order: &[i64]) -> Option<Array> {
    let rank = array.dims.len();
    let order: Vec<usize> = match order {
        [] => (0..rank).rev().collect(),
        order => order.iter().map(|&axis| axis_of(axis, rank)).collect::<Option<_>>()?,
    };
    let strides = strides(&array.dims)?;
    let dims: Vec<i64> = order.iter().map(|&axis| array.dims[axis]).collect();
    let steps: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    let places = places(&dims, &steps, 0)?;
    array.picked(dims, &places)
}

/// A part of an array.
pub(super) fn slice(node: &NodeProto, inputs: &[Option<&Array>]) -> Option<Array> {
    let array = inputs.first().copied().flatten()?;
    let given = |index: usize| inputs.get(index).copied().flatten();
    let (starts, ends) = match given(1) {
        Some(starts) => (starts.as_ints()?, given(2)?.as_ints()?),
        None => (node.ints("starts"), node.ints("ends")),
    };
    let first: Vec<i64> = (0_i64..).take(starts.len()).collect();
    let axes = match given(3) {
        Some(axes) => axes.as_ints()?,
        None if node.ints("axes").is_empty() => &first,
        None => node.ints("axes"),
    };
    let ones = vec![1; starts.len()];
    let by = given(4).map_or(Some(ones.as_slice()), Array::as_ints)?;
    let mut steps = strides(&array.dims)?;
    let (mut dims, mut begin) = (array.dims.clone(), 0);
    for (((&start, &end), &axis), &step) in starts.iter().zip(ends).zip(axes).zip(by) {
        let axis = axis_of(axis, dims.len())?;
        let side = array.dims[axis];
        // Parts backwards are rare.
        if step < 1 {
            return None;
        }
        let within = |place: i64| if place < 0 { (place + side).max(0) } else { place.min(side) };
        let (start, end) = (within(start), within(end));
        let long = (end - start).max(0);
        dims[axis] = long / step + i64::from(long % step != 0);
        begin += usize::try_from(start).ok()? * steps[axis];
        steps[axis] *= usize::try_from(step).ok()?;
    }
    let places = places(&dims, &steps, begin)?;
    array.picked(dims, &places)
}

/// `array` repeated to the shape `dims`.
pub(super) fn expand(array: &Array, dims: &[i64]) -> Option<Array> {
    let skipped = dims.len().checked_sub(array.dims.len())?;
    let strides = strides(&array.dims)?;
    let step = |index: usize| match index.checked_sub(skipped) {
        Some(own) if array.dims[own] == dims[index] => Some(strides[own]),
        Some(own) if array.dims[own] != 1 => None,
        _ => Some(0),
    };
    let steps: Vec<usize> = (0..dims.len()).map(step).collect::<Option<_>>()?;
    array.picked(dims.to_vec(), &places(dims, &steps, 0)?)
}

/// The value of a `ConstantOfShape` in the shape `dims`.
pub(super) fn filled(node: &NodeProto, dims: &[i64]) -> Option<Array> {
    let value = match node.tensor("value") {
        Some(tensor) => {
            Array::of(tensor, &olive_kit_onnx::TensorData::default().bytes(tensor).ok()?)?
        }
        None => Array::ints(vec![1], vec![0]).cast(DataType::Float)?,
    };
    expand(&value.shaped(Vec::new())?, dims)
}

/// The part of a shape that a `Shape` node gives.
pub(super) fn shape_part<T: Copy>(node: &NodeProto, dims: &[T]) -> Vec<T> {
    let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
    let place = |name: &str, default: i64| {
        let place = node.int(name).unwrap_or(default);
        let place = if place < 0 { place + rank } else { place };
        usize::try_from(place.clamp(0, rank)).unwrap_or(0)
    };
    dims.get(place("start", 0)..place("end", rank)).unwrap_or_default().to_vec()
}

/// Most numbers that are computed at once.
const MOST: usize = 1 << 16;

/// How many numbers a shape has; `None` for more than are computed.
fn count(dims: &[i64]) -> Option<usize> {
    let count = dims
        .iter()
        .try_fold(1_usize, |count, &side| count.checked_mul(usize::try_from(side).ok()?));
    count.filter(|&count| count <= MOST)
}

/// How far apart neighbors of each axis lie.
fn strides(dims: &[i64]) -> Option<Vec<usize>> {
    (0..dims.len()).map(|axis| count(&dims[axis + 1..])).collect()
}

/// Places of the numbers of an array of `dims` whose axes have these `steps`, from `first` on.
fn places(dims: &[i64], steps: &[usize], first: usize) -> Option<Vec<usize>> {
    count(dims)?;
    let mut places = vec![first];
    for (&side, &step) in dims.iter().zip(steps) {
        let side = usize::try_from(side).ok()?;
        let next =
            places.iter().flat_map(|&place| (0..side).map(move |index| place + index * step));
        places = next.collect();
    }
    Some(places)
}

/// The numbers of all arrays, one array after the other.
fn joined(arrays: &[&Array]) -> Option<Array> {
    use crate::constant::Numbers;
    let first = arrays.first()?;
    let numbers = match &first.numbers {
        Numbers::Ints(_) => {
            let parts: Vec<&[i64]> =
                arrays.iter().map(|array| array.as_ints()).collect::<Option<_>>()?;
            Numbers::Ints(parts.concat())
        }
        Numbers::Floats(_) => {
            let part = |array: &&Array| match &array.numbers {
                Numbers::Floats(values) => Some(values.clone()),
                Numbers::Ints(_) => None,
            };
            let parts: Vec<Vec<f64>> = arrays.iter().map(part).collect::<Option<_>>()?;
            Numbers::Floats(parts.concat())
        }
    };
    let long = i64::try_from(arrays.iter().map(|array| array.len()).sum::<usize>()).ok()?;
    Some(Array { dtype: first.dtype, dims: vec![long], numbers })
}
