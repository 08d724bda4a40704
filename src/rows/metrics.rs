//! Rows of data points, of all types of metrics.

use super::extra;
use super::fields::Fields;
use super::flatten::{ITEM_DEPTH, Rows, inner};
use super::layout;
use super::shared::Shared;
use super::value::{Content, nearest};
use crate::otlp::schema::{Label, Message};
use crate::otlp::wire::Reader;
use crate::otlp::write_json::Found;
use crate::otlp::{Invalid, Signal};

const START_TIMESTAMP: usize = layout::own(Signal::Metrics, "start_timestamp");
const METRIC_NAME: usize = layout::own(Signal::Metrics, "metric_name");
const METRIC_UNIT: usize = layout::own(Signal::Metrics, "metric_unit");
const METRIC_TYPE: usize = layout::own(Signal::Metrics, "metric_type");
const TEMPORALITY: usize = layout::own(Signal::Metrics, "temporality");
const IS_MONOTONIC: usize = layout::own(Signal::Metrics, "is_monotonic");
const VALUE: usize = layout::own(Signal::Metrics, "value");
const VALUE_INT: usize = layout::own(Signal::Metrics, "value_int");
const COUNT: usize = layout::own(Signal::Metrics, "count");
const SUM: usize = layout::own(Signal::Metrics, "sum");
const MIN: usize = layout::own(Signal::Metrics, "min");
const MAX: usize = layout::own(Signal::Metrics, "max");
const BUCKET_COUNTS: usize = layout::own(Signal::Metrics, "bucket_counts");
const EXPLICIT_BOUNDS: usize = layout::own(Signal::Metrics, "explicit_bounds");
const FLAGS: usize = layout::own(Signal::Metrics, "flags");

/// The level of a data point.
const POINT_DEPTH: u32 = ITEM_DEPTH + 2;

/// The numbers of the fields of `opentelemetry.proto.metrics.v1.Metric` and of the messages below it. What differs
/// between the types of points is in [`Shape`].
mod number {
    pub(super) const NAME: u32 = 1;
    pub(super) const UNIT: u32 = 3;
    /// The bits of the fields of `Metric` that columns hold.
    pub(super) const HELD: u32 = 1 << NAME | 1 << UNIT;
    /// Of all types of data.
    pub(super) const POINTS: u32 = 1;
    /// Of all types of data that have one.
    pub(super) const TEMPORALITY: u32 = 2;
    /// Of `Sum`.
    pub(super) const IS_MONOTONIC: u32 = 3;
    /// Of all points.
    pub(super) const START_TIME: u32 = 2;
    /// Of all points.
    pub(super) const TIME: u32 = 3;
    /// Of `NumberDataPoint`.
    pub(super) const AS_DOUBLE: u32 = 4;
    /// Of `NumberDataPoint`.
    pub(super) const AS_INT: u32 = 6;
    /// Of all points but those of numbers.
    pub(super) const COUNT: u32 = 4;
    /// Of `HistogramDataPoint`.
    pub(super) const BUCKET_COUNTS: u32 = 6;
    /// Of `HistogramDataPoint`.
    pub(super) const EXPLICIT_BOUNDS: u32 = 7;
}

/// What a type of metric and its points look like.
struct Shape {
    /// The field of `Metric` that holds the data.
    data: u32,
    metric_type: &'static str,
    attributes: u32,
    flags: u32,
    points: Points,
    /// Fields of doubles, and their columns.
    doubles: &'static [(u32, usize)],
}

/// The types of points that differ in more than [`Shape`] says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Points {
    Numbers,
    Histograms,
    Others,
}

static SHAPES: [Shape; 5] = [
    Shape { data: 5, metric_type: "gauge", attributes: 7, flags: 8, points: Points::Numbers, doubles: &[] },
    Shape { data: 7, metric_type: "sum", attributes: 7, flags: 8, points: Points::Numbers, doubles: &[] },
    Shape {
        data: 9,
        metric_type: "histogram",
        attributes: 9,
        flags: 10,
        points: Points::Histograms,
        doubles: &[(5, SUM), (11, MIN), (12, MAX)],
    },
    Shape {
        data: 10,
        metric_type: "exponential_histogram",
        attributes: 1,
        flags: 10,
        points: Points::Others,
        doubles: &[(5, SUM), (12, MIN), (13, MAX)],
    },
    Shape {
        data: 11,
        metric_type: "summary",
        attributes: 7,
        flags: 8,
        points: Points::Others,
        doubles: &[(5, SUM)],
    },
];

/// What all points of a metric share.
struct Metric {
    shape: &'static Shape,
    temporality: Option<&'static str>,
    is_monotonic: Option<bool>,
    /// Its name, its unit, and what columns do not hold.
    shared: Shared,
}

impl<'a> Rows<'_, 'a> {
    /// Appends the rows of a `Metric`.
    pub(super) fn metric(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        shared: [&Shared; 2],
    ) -> Result<(), Invalid> {
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        let data = SHAPES.iter().fold(0, |data, shape| data | 1 << shape.data);
        let mut left_over = extra::EMPTY.to_vec();
        extra::write_rest(&fields, data | number::HELD, ITEM_DEPTH, &mut left_over)?;
        for shape in &SHAPES {
            let (Some(sent), Some(message)) = (fields.get(shape.data), inner(message, shape.data)) else {
                continue;
            };
            let data = Fields::read(message, sent, &mut self.irregular)?;
            let metric = Metric::read(shape, &fields, &data, &left_over)?;
            let Some(message) = inner(message, number::POINTS) else { continue };
            data.each_message(number::POINTS, |sent| self.point(message, sent, &metric, shared))?;
        }
        Ok(())
    }

    /// Appends the row of a data point.
    fn point(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        metric: &Metric,
        shared: [&Shared; 2],
    ) -> Result<(), Invalid> {
        let Metric { shape, .. } = metric;
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        self.begin();
        metric.fill(self);
        let time = fields.long(number::TIME)?;
        let start = fields.long(number::START_TIME)?;
        let mut held = 1 << shape.attributes;
        held |= self.time(number::TIME, &[time]);
        held |= self.other_time(number::START_TIME, START_TIMESTAMP, start, time);
        if let Ok(flags) = i32::try_from(fields.short(shape.flags)?) {
            self.table.set_integer(FLAGS, flags.into());
            held |= 1 << shape.flags;
        }
        held |= match shape.points {
            Points::Numbers => self.number(&fields)?,
            Points::Histograms => self.count(&fields)? | self.buckets(&fields)?,
            Points::Others => self.count(&fields)?,
        };
        for (number, column) in shape.doubles {
            held |= self.double(&fields, *number, *column)?;
        }
        self.attributes(&fields, shape.attributes, POINT_DEPTH)?;
        extra::write_rest(&fields, held, POINT_DEPTH, &mut self.extra)?;
        let [resource, scope] = shared;
        self.finish(&[resource, scope, &metric.shared]);
        Ok(())
    }

    /// Sets the value of a number. Returns the fields that are held.
    fn number(&mut self, fields: &Fields<'_>) -> Result<u32, Invalid> {
        if let Some(mut value) = fields.get(number::AS_INT) {
            let value = value.fixed64()?.cast_signed();
            self.table.set_double(VALUE, nearest(value));
            self.table.set_integer(VALUE_INT, value);
            return Ok(1 << number::AS_INT);
        }
        self.double(fields, number::AS_DOUBLE, VALUE)
    }

    /// Sets the count of a point. Returns the fields that are held.
    fn count(&mut self, fields: &Fields<'_>) -> Result<u32, Invalid> {
        let Ok(count) = i64::try_from(fields.long(number::COUNT)?) else { return Ok(0) };
        self.table.set_integer(COUNT, count);
        Ok(1 << number::COUNT)
    }

    /// Sets a double that is finite. Returns the fields that are held.
    fn double(&mut self, fields: &Fields<'_>, number: u32, column: usize) -> Result<u32, Invalid> {
        let is_plain = fields.message.field(number).is_some_and(|field| field.label == Label::Plain);
        if fields.has(number) || is_plain {
            let value = f64::from_bits(fields.long(number)?);
            if !value.is_finite() {
                return Ok(0);
            }
            self.table.set_double(column, value);
        }
        Ok(1 << number)
    }

    /// Sets the buckets of a histogram. Returns the fields that are held: a list with one number that its column cannot
    /// hold is not.
    fn buckets(&mut self, fields: &Fields<'_>) -> Result<u32, Invalid> {
        let mut held = 0;
        let mut counts = Vec::new();
        let mut fits = true;
        each_long(fields, number::BUCKET_COUNTS, |count| match i64::try_from(count) {
            Ok(count) => counts.push(count),
            Err(_) => fits = false,
        })?;
        if fits {
            held |= 1 << number::BUCKET_COUNTS;
            if !counts.is_empty() {
                self.table.set_integers(BUCKET_COUNTS, counts);
            }
        }
        let mut bounds = Vec::new();
        each_long(fields, number::EXPLICIT_BOUNDS, |bits| bounds.push(f64::from_bits(bits)))?;
        if bounds.iter().all(|bound| bound.is_finite()) {
            held |= 1 << number::EXPLICIT_BOUNDS;
            if !bounds.is_empty() {
                self.table.set_doubles(EXPLICIT_BOUNDS, bounds);
            }
        }
        Ok(held)
    }
}

impl Metric {
    /// What the fields of a metric and its data say; `left_over` is the open object of what else there is of the metric.
    fn read(
        shape: &'static Shape,
        fields: &Fields<'_>,
        data: &Fields<'_>,
        left_over: &[u8],
    ) -> Result<Self, Invalid> {
        let mut held = 1 << number::POINTS | 1 << number::IS_MONOTONIC;
        let temporality = match data.short(number::TEMPORALITY)? {
            1 => Some("delta"),
            2 => Some("cumulative"),
            _ => None,
        };
        if temporality.is_some() {
            held |= 1 << number::TEMPORALITY;
        }
        let is_sum = data.message.field(number::IS_MONOTONIC).is_some();
        let is_monotonic = data.get(number::IS_MONOTONIC).map_or(Ok(0), |mut value| value.varint())? != 0;
        let mut shared = Shared::new("metricOf");
        extra::copy(left_over, &mut shared.extra);
        extra::write_rest(data, held, ITEM_DEPTH + 1, &mut shared.extra)?;
        for (number, column) in [(number::NAME, METRIC_NAME), (number::UNIT, METRIC_UNIT)] {
            if !fields.bytes(number).is_empty() {
                shared.contents.push((column, Content::Text(fields.text(number)).into_owned()));
            }
        }
        Ok(Self { shape, temporality, is_monotonic: is_sum.then_some(is_monotonic), shared })
    }

    /// Fills columns of the row that is being filled.
    fn fill(&self, rows: &mut Rows<'_, '_>) {
        rows.table.set_text(METRIC_TYPE, self.shape.metric_type);
        if let Some(temporality) = self.temporality {
            rows.table.set_text(TEMPORALITY, temporality);
        }
        if let Some(is_monotonic) = self.is_monotonic {
            rows.table.set_boolean(IS_MONOTONIC, is_monotonic);
        }
    }
}

/// Hands the numbers of eight bytes in a repeated field, packed or not, to `each`.
fn each_long(fields: &Fields<'_>, number: u32, mut each: impl FnMut(u64)) -> Result<(), Invalid> {
    fields.each(number, |_, found| {
        match found {
            Found::One(mut value) => each(value.fixed64()?),
            Found::Packed(mut values) => {
                while !values.is_empty() {
                    each(values.fixed64()?);
                }
            }
        }
        Ok(())
    })
}
