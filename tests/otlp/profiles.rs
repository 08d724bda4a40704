//! Random profiles of every shape that the schema allows.

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, KeyValueAndUnit, Line, Link, Location, Mapping, Profile, ProfilesDictionary, ResourceProfiles,
    Sample, ScopeProfiles, Stack, ValueType,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::decoded::Decoded;
use crate::telemetry::{any_value, id, long, resource, scope, short, signed_long, signed_short, text};

prop_compose! {
    /// An export request of profiles.
    pub(crate) fn request()(
        resource_profiles in vec(resource_profiles(), 0..3), dictionary in of(dictionary()),
    ) -> Decoded {
        Decoded::Profiles(ExportProfilesServiceRequest { resource_profiles, dictionary })
    }
}

prop_compose! {
    fn resource_profiles()(
        resource in of(resource()), scope_profiles in vec(scope_profiles(), 0..3), schema_url in text(),
    ) -> ResourceProfiles {
        ResourceProfiles { resource, scope_profiles, schema_url }
    }
}

prop_compose! {
    fn scope_profiles()(
        scope in of(scope()), profiles in vec(profile(), 0..4), schema_url in text(),
    ) -> ScopeProfiles {
        ScopeProfiles { scope, profiles, schema_url }
    }
}

prop_compose! {
    /// A profile.
    pub(crate) fn profile()(
        (sample_type, period_type) in (of(value_type()), of(value_type())),
        samples in vec(sample(), 0..3),
        (time_unix_nano, duration_nano, period) in (long(), long(), signed_long()),
        profile_id in id(16),
        dropped_attributes_count in short(),
        (original_payload_format, original_payload) in (text(), vec(any::<u8>(), 0..10)),
        attribute_indices in indices(),
    ) -> Profile {
        Profile {
            sample_type, samples, time_unix_nano, duration_nano, period_type, period, profile_id,
            dropped_attributes_count, original_payload_format, original_payload, attribute_indices,
        }
    }
}

/// Places in a table.
fn indices() -> impl Strategy<Value = Vec<i32>> {
    vec(signed_short(), 0..4)
}

prop_compose! {
    fn value_type()(type_strindex in signed_short(), unit_strindex in signed_short()) -> ValueType {
        ValueType { type_strindex, unit_strindex }
    }
}

prop_compose! {
    fn sample()(
        stack_index in signed_short(), attribute_indices in indices(), link_index in signed_short(),
        values in vec(signed_long(), 0..3), timestamps_unix_nano in vec(long(), 0..3),
    ) -> Sample {
        Sample { stack_index, attribute_indices, link_index, values, timestamps_unix_nano }
    }
}

prop_compose! {
    fn dictionary()(
        mapping_table in vec(mapping(), 0..3), location_table in vec(location(), 0..3),
        function_table in vec(function(), 0..3), link_table in vec(link(), 0..3), string_table in vec(text(), 0..4),
        attribute_table in vec(attribute(), 0..3), stack_table in vec(stack(), 0..3),
    ) -> ProfilesDictionary {
        ProfilesDictionary {
            mapping_table, location_table, function_table, link_table, string_table, attribute_table, stack_table,
        }
    }
}

prop_compose! {
    fn mapping()(
        memory_start in long(), memory_limit in long(), file_offset in long(), filename_strindex in signed_short(),
        attribute_indices in indices(),
    ) -> Mapping {
        Mapping { memory_start, memory_limit, file_offset, filename_strindex, attribute_indices }
    }
}

prop_compose! {
    fn location()(
        mapping_index in signed_short(), address in long(), lines in vec(line(), 0..3), attribute_indices in indices(),
    ) -> Location {
        Location { mapping_index, address, lines, attribute_indices }
    }
}

prop_compose! {
    fn line()(function_index in signed_short(), line in signed_long(), column in signed_long()) -> Line {
        Line { function_index, line, column }
    }
}

prop_compose! {
    fn function()(
        name_strindex in signed_short(), system_name_strindex in signed_short(), filename_strindex in signed_short(),
        start_line in signed_long(),
    ) -> Function {
        Function { name_strindex, system_name_strindex, filename_strindex, start_line }
    }
}

prop_compose! {
    fn link()(trace_id in id(16), span_id in id(8)) -> Link {
        Link { trace_id, span_id }
    }
}

prop_compose! {
    fn attribute()(
        key_strindex in signed_short(), value in of(any_value()), unit_strindex in signed_short(),
    ) -> KeyValueAndUnit {
        KeyValueAndUnit { key_strindex, value, unit_strindex }
    }
}

prop_compose! {
    fn stack()(location_indices in indices()) -> Stack {
        Stack { location_indices }
    }
}
