(component
  (type $ty-olive:plugin/host@0.1.0 (;0;)
    (instance
      (type (;0;) (enum "error" "warning" "info" "debug"))
      (export (;1;) "level" (type (eq 0)))
      (type (;2;) (func (param "level" 1) (param "message" string)))
      (export (;0;) "log" (func (type 2)))
    )
  )
  (import "olive:plugin/host@0.1.0" (instance $olive:plugin/host@0.1.0 (;0;) (type $ty-olive:plugin/host@0.1.0)))
  (type $ty-olive:plugin/types@0.1.0 (;1;)
    (instance
      (type (;0;) (option string))
      (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
      (export (;2;) "context" (type (eq 1)))
      (type (;3;) (enum "error" "warning" "note"))
      (export (;4;) "severity" (type (eq 3)))
      (type (;5;) (enum "machine-applicable" "maybe-incorrect" "has-placeholders"))
      (export (;6;) "applicability" (type (eq 5)))
      (type (;7;) (record (field "title" string) (field "patch" string) (field "applicability" 6)))
      (export (;8;) "fix" (type (eq 7)))
      (type (;9;) (record (field "pointer" string) (field "message" string)))
      (export (;10;) "related" (type (eq 9)))
      (type (;11;) (list 8))
      (type (;12;) (list 10))
      (type (;13;) (record (field "pointer" string) (field "severity" 4) (field "code" string) (field "message" string) (field "help" 0) (field "fixes" 11) (field "related" 12) (field "data" 0)))
      (export (;14;) "diagnostic" (type (eq 13)))
      (type (;15;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
      (export (;16;) "plugin-error" (type (eq 15)))
    )
  )
  (import "olive:plugin/types@0.1.0" (instance $olive:plugin/types@0.1.0 (;1;) (type $ty-olive:plugin/types@0.1.0)))
  (core module $main (;0;)
    (type (;0;) (func (param i32 i32 i32)))
    (type (;1;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;2;) (func (result i32)))
    (type (;3;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (type (;4;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "olive:plugin/host@0.1.0" "log" (func $log (;0;) (type 0)))
    (memory (;0;) 2)
    (global $next (;0;) (mut i32) i32.const 2288)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 1))
    (export "olive:plugin/plugin@0.1.0#describe" (func 2))
    (export "olive:plugin/validator@0.1.0#config-schema" (func 3))
    (export "olive:plugin/validator@0.1.0#validate" (func 4))
    (export "olive:plugin/migrator@0.1.0#migrate" (func 5))
    (export "olive:plugin/completer@0.1.0#complete" (func 6))
    (export "olive:plugin/planner@0.1.0#estimate" (func 7))
    (func (;1;) (type 1) (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      global.get $next
      local.get $align
      i32.const 1
      i32.sub
      i32.add
      i32.const 0
      local.get $align
      i32.sub
      i32.and
      local.set $at
      local.get $at
      local.get $size
      i32.add
      global.set $next
      block $done
        global.get $next
        memory.size
        i32.const 65536
        i32.mul
        i32.le_u
        br_if $done
        i32.const 1
        local.get $size
        i32.const 65536
        i32.div_u
        i32.add
        memory.grow
        drop
      end
      local.get $at
    )
    (func (;2;) (type 2) (result i32)
      i32.const 1744
    )
    (func (;3;) (type 2) (result i32)
      i32.const 1280
    )
    (func (;4;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2
      i32.const 1792
      i32.const 5
      call $log
      i32.const 1492
      local.get 0
      i32.store
      i32.const 1496
      local.get 1
      i32.store
      i32.const 1500
      i32.const 1
      i32.store
      i32.const 1504
      local.get 10
      i32.store
      i32.const 1508
      local.get 11
      i32.store
      i32.const 1544
    )
    (func (;5;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 1980
      local.get 0
      i32.store
      i32.const 1984
      local.get 1
      i32.store
      i32.const 1988
      i32.const 1
      i32.store
      i32.const 1992
      local.get 10
      i32.store
      i32.const 1996
      local.get 11
      i32.store
      i32.const 2032
    )
    (func (;6;) (type 4) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2080
      local.get 2
      i32.store
      i32.const 2084
      local.get 3
      i32.store
      i32.const 2120
    )
    (func (;7;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2264
    )
    (data (;0;) (i32.const 1024) "workflow^0.1\00\00\00\00\00\04\00\00\08\00\00\00\08\04\00\00\04\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\00 \04\00\00\0a\00\00\00*\04\00\00\05\00\00\00/\04\00\00\0e\00\00\00\10\04\00\00\01\00\00\00 \04\00\00\00\00\00\00=\04\00\00D\00\00\00{\22type\22: \22object\22, \22properties\22: {\22max_rank\22: {\22type\22: \22integer\22}}}\00\00\00\00\00\00\00\00\00\b8\04\00\00C\00\00\00\00\00\00\00\00\00\00\00\10\05\00\00\00\00\00\00\00\00\00\00/passes/lora/rtoo-large`r` is 9000; 256 is the mostchange it[{\22op\22: \22remove\22, \22path\22: \22/passes/lora/r\22}]S\05\00\00\09\00\00\00\5c\05\00\00,\00\00\00\00\00\00\00/passes/loraset here\9c\05\00\00\0c\00\00\00\a8\05\00\00\08\00\00\00 \05\00\00\0e\00\00\00\00\00\00\00.\05\00\00\09\00\00\007\05\00\00\1c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\88\05\00\00\01\00\00\00\b0\05\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\c0\05\00\00\01\00\00\00\00\00\00\00workflow^0.1\00\00\00\00\18\06\00\00\08\00\00\00 \06\00\00\04\00\00\00migratorcompleterplanner8\06\00\00\08\00\00\00@\06\00\00\09\00\00\00I\06\00\00\07\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\00h\06\00\00\0a\00\00\00r\06\00\00\05\00\00\00w\06\00\00\0e\00\00\00(\06\00\00\01\00\00\00P\06\00\00\03\00\00\00\85\06\00\00D\00\00\00asked/passes/lora/rtoo-large`r` is 9000; 256 is the mostchange it[{\22op\22: \22remove\22, \22path\22: \22/passes/lora/r\22}]\00\00\008\07\00\00\09\00\00\00A\07\00\00,\00\00\00\00\00\00\00/passes/loraset here\84\07\00\00\0c\00\00\00\90\07\00\00\08\00\00\00\05\07\00\00\0e\00\00\00\00\00\00\00\13\07\00\00\09\00\00\00\1c\07\00\00\1c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00p\07\00\00\01\00\00\00\98\07\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\a8\07\00\00\01\00\00\00\00\00\00\0016rankRank of the *adapter*.\00\00\00\00\00\00\00\00\00\00\00\00\00\08\00\00\02\00\00\00\01\00\00\00\02\08\00\00\04\00\00\00\01\00\00\00\06\08\00\00\16\00\00\00\00\00\00\00 \08\00\00\01\00\00\00\00\00\00\00{\22weights\22: 5}\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\bc\a0e\01\00\00\00\05\00\00\00\00\00\00\00\07\00\00\00\00\00\00\00\00\00\a7\dc\f7P\15C\00\00\00\00\00\00\d0?X\08\00\00\0e\00\00\00\00\00\00\00h\08\00\00\02\00\00\00\00\00\00\00")
    (@producers
      (processed-by "wit-component" "0.254.2")
    )
  )
  (core module $wit-component-shim-module (;1;)
    (type (;0;) (func (param i32 i32 i32)))
    (table (;0;) 1 1 funcref)
    (export "0" (func 0))
    (export "$imports" (table 0))
    (func (;0;) (type 0) (param i32 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      i32.const 0
      call_indirect (type 0)
    )
    (@producers
      (processed-by "wit-component" "0.254.2")
    )
  )
  (core module $wit-component-fixup (;2;)
    (type (;0;) (func (param i32 i32 i32)))
    (import "" "0" (func (;0;) (type 0)))
    (import "" "$imports" (table (;0;) 1 1 funcref))
    (elem (;0;) (i32.const 0) func 0)
    (@producers
      (processed-by "wit-component" "0.254.2")
    )
  )
  (core instance $wit-component-shim-instance (;0;) (instantiate $wit-component-shim-module))
  (type (;2;) (tuple string string))
  (type (;3;) (list 2))
  (type (;4;) (list string))
  (type (;5;) (record (field "id" string) (field "version" string) (field "description" string) (field "accepts" 3) (field "provides" 4) (field "extra" string)))
  (alias export $olive:plugin/types@0.1.0 "context" (type $context (;6;)))
  (alias export $olive:plugin/types@0.1.0 "diagnostic" (type $diagnostic (;7;)))
  (alias export $olive:plugin/types@0.1.0 "plugin-error" (type $plugin-error (;8;)))
  (type (;9;) (option string))
  (type (;10;) (record (field "label" string) (field "insert" string) (field "detail" 9) (field "documentation" 9)))
  (type (;11;) (record (field "peak-host-bytes" u64) (field "peak-device-bytes" u64) (field "disk-bytes" u64) (field "flops" f64) (field "confidence" f64) (field "breakdown" string)))
  (alias core export $wit-component-shim-instance "0" (core func $indirect-olive:plugin/host@0.1.0-log (;0;)))
  (core instance $olive:plugin/host@0.1.0 (;1;)
    (export "log" (func $indirect-olive:plugin/host@0.1.0-log))
  )
  (core instance $main (;2;) (instantiate $main
      (with "olive:plugin/host@0.1.0" (instance $olive:plugin/host@0.1.0))
    )
  )
  (alias core export $main "memory" (core memory $memory (;0;)))
  (alias core export $wit-component-shim-instance "$imports" (core table $"shim table" (;0;)))
  (alias export $olive:plugin/host@0.1.0 "log" (func $log (;0;)))
  (alias core export $main "cabi_realloc" (core func $realloc (;1;)))
  (core func $"#core-func2 indirect-olive:plugin/host@0.1.0-log" (@name "indirect-olive:plugin/host@0.1.0-log") (;2;) (canon lower (func $log) (memory $memory) string-encoding=utf8))
  (core instance $fixup-args (;3;)
    (export "$imports" (table $"shim table"))
    (export "0" (func $"#core-func2 indirect-olive:plugin/host@0.1.0-log"))
  )
  (core instance $fixup (;4;) (instantiate $wit-component-fixup
      (with "" (instance $fixup-args))
    )
  )
  (type (;12;) (func (result 5)))
  (alias core export $main "olive:plugin/plugin@0.1.0#describe" (core func $olive:plugin/plugin@0.1.0#describe (;3;)))
  (func $describe (;1;) (type 12) (canon lift (core func $olive:plugin/plugin@0.1.0#describe) (memory $memory) string-encoding=utf8))
  (component $olive:plugin/plugin@0.1.0-shim-component (;0;)
    (type (;0;) (tuple string string))
    (type (;1;) (list 0))
    (type (;2;) (list string))
    (type (;3;) (record (field "id" string) (field "version" string) (field "description" string) (field "accepts" 1) (field "provides" 2) (field "extra" string)))
    (import "import-type-manifest" (type (;4;) (eq 3)))
    (type (;5;) (func (result 4)))
    (import "import-func-describe" (func (;0;) (type 5)))
    (type (;6;) (tuple string string))
    (type (;7;) (list 6))
    (type (;8;) (list string))
    (type (;9;) (record (field "id" string) (field "version" string) (field "description" string) (field "accepts" 7) (field "provides" 8) (field "extra" string)))
    (export (;10;) "manifest" (type 9))
    (type (;11;) (func (result 10)))
    (export (;1;) "describe" (func 0) (func (type 11)))
  )
  (instance $olive:plugin/plugin@0.1.0-shim-instance (;2;) (instantiate $olive:plugin/plugin@0.1.0-shim-component
      (with "import-func-describe" (func $describe))
      (with "import-type-manifest" (type 5))
    )
  )
  (export $olive:plugin/plugin@0.1.0 (;3;) "olive:plugin/plugin@0.1.0" (instance $olive:plugin/plugin@0.1.0-shim-instance))
  (type (;13;) (result string (error $plugin-error)))
  (type (;14;) (func (result 13)))
  (alias core export $main "olive:plugin/validator@0.1.0#config-schema" (core func $olive:plugin/validator@0.1.0#config-schema (;4;)))
  (func $config-schema (;2;) (type 14) (canon lift (core func $olive:plugin/validator@0.1.0#config-schema) (memory $memory) string-encoding=utf8))
  (type (;15;) (list $diagnostic))
  (type (;16;) (result 15 (error $plugin-error)))
  (type (;17;) (func (param "document" string) (param "ctx" $context) (result 16)))
  (alias core export $main "olive:plugin/validator@0.1.0#validate" (core func $olive:plugin/validator@0.1.0#validate (;5;)))
  (func $validate (;3;) (type 17) (canon lift (core func $olive:plugin/validator@0.1.0#validate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (alias export $olive:plugin/types@0.1.0 "severity" (type $severity (;18;)))
  (alias export $olive:plugin/types@0.1.0 "applicability" (type $applicability (;19;)))
  (alias export $olive:plugin/types@0.1.0 "fix" (type $fix (;20;)))
  (alias export $olive:plugin/types@0.1.0 "related" (type $related (;21;)))
  (component $olive:plugin/validator@0.1.0-shim-component (;1;)
    (type (;0;) (option string))
    (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
    (import "import-type-context" (type (;2;) (eq 1)))
    (type (;3;) (enum "error" "warning" "note"))
    (import "import-type-severity" (type (;4;) (eq 3)))
    (type (;5;) (enum "machine-applicable" "maybe-incorrect" "has-placeholders"))
    (import "import-type-applicability" (type (;6;) (eq 5)))
    (type (;7;) (record (field "title" string) (field "patch" string) (field "applicability" 6)))
    (import "import-type-fix" (type (;8;) (eq 7)))
    (type (;9;) (record (field "pointer" string) (field "message" string)))
    (import "import-type-related" (type (;10;) (eq 9)))
    (type (;11;) (list 8))
    (type (;12;) (list 10))
    (type (;13;) (record (field "pointer" string) (field "severity" 4) (field "code" string) (field "message" string) (field "help" 0) (field "fixes" 11) (field "related" 12) (field "data" 0)))
    (import "import-type-diagnostic" (type (;14;) (eq 13)))
    (type (;15;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
    (import "import-type-plugin-error" (type (;16;) (eq 15)))
    (import "import-type-plugin-error0" (type (;17;) (eq 16)))
    (type (;18;) (result string (error 17)))
    (type (;19;) (func (result 18)))
    (import "import-func-config-schema" (func (;0;) (type 19)))
    (import "import-type-context0" (type (;20;) (eq 2)))
    (import "import-type-diagnostic0" (type (;21;) (eq 14)))
    (type (;22;) (list 21))
    (type (;23;) (result 22 (error 17)))
    (type (;24;) (func (param "document" string) (param "ctx" 20) (result 23)))
    (import "import-func-validate" (func (;1;) (type 24)))
    (export (;25;) "context" (type 2))
    (export (;26;) "diagnostic" (type 14))
    (export (;27;) "plugin-error" (type 16))
    (type (;28;) (result string (error 27)))
    (type (;29;) (func (result 28)))
    (export (;2;) "config-schema" (func 0) (func (type 29)))
    (type (;30;) (list 26))
    (type (;31;) (result 30 (error 27)))
    (type (;32;) (func (param "document" string) (param "ctx" 25) (result 31)))
    (export (;3;) "validate" (func 1) (func (type 32)))
  )
  (instance $olive:plugin/validator@0.1.0-shim-instance (;4;) (instantiate $olive:plugin/validator@0.1.0-shim-component
      (with "import-func-config-schema" (func $config-schema))
      (with "import-func-validate" (func $validate))
      (with "import-type-context" (type $context))
      (with "import-type-severity" (type $severity))
      (with "import-type-applicability" (type $applicability))
      (with "import-type-fix" (type $fix))
      (with "import-type-related" (type $related))
      (with "import-type-diagnostic" (type $diagnostic))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-plugin-error0" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-diagnostic0" (type $diagnostic))
    )
  )
  (export $olive:plugin/validator@0.1.0 (;5;) "olive:plugin/validator@0.1.0" (instance $olive:plugin/validator@0.1.0-shim-instance))
  (type (;22;) (list $diagnostic))
  (type (;23;) (result 22 (error $plugin-error)))
  (type (;24;) (func (param "document" string) (param "ctx" $context) (result 23)))
  (alias core export $main "olive:plugin/migrator@0.1.0#migrate" (core func $olive:plugin/migrator@0.1.0#migrate (;6;)))
  (func $migrate (;4;) (type 24) (canon lift (core func $olive:plugin/migrator@0.1.0#migrate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/migrator@0.1.0-shim-component (;2;)
    (type (;0;) (option string))
    (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
    (import "import-type-context" (type (;2;) (eq 1)))
    (type (;3;) (enum "error" "warning" "note"))
    (import "import-type-severity" (type (;4;) (eq 3)))
    (type (;5;) (enum "machine-applicable" "maybe-incorrect" "has-placeholders"))
    (import "import-type-applicability" (type (;6;) (eq 5)))
    (type (;7;) (record (field "title" string) (field "patch" string) (field "applicability" 6)))
    (import "import-type-fix" (type (;8;) (eq 7)))
    (type (;9;) (record (field "pointer" string) (field "message" string)))
    (import "import-type-related" (type (;10;) (eq 9)))
    (type (;11;) (list 8))
    (type (;12;) (list 10))
    (type (;13;) (record (field "pointer" string) (field "severity" 4) (field "code" string) (field "message" string) (field "help" 0) (field "fixes" 11) (field "related" 12) (field "data" 0)))
    (import "import-type-diagnostic" (type (;14;) (eq 13)))
    (type (;15;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
    (import "import-type-plugin-error" (type (;16;) (eq 15)))
    (import "import-type-context0" (type (;17;) (eq 2)))
    (import "import-type-diagnostic0" (type (;18;) (eq 14)))
    (type (;19;) (list 18))
    (import "import-type-plugin-error0" (type (;20;) (eq 16)))
    (type (;21;) (result 19 (error 20)))
    (type (;22;) (func (param "document" string) (param "ctx" 17) (result 21)))
    (import "import-func-migrate" (func (;0;) (type 22)))
    (export (;23;) "context" (type 2))
    (export (;24;) "diagnostic" (type 14))
    (export (;25;) "plugin-error" (type 16))
    (type (;26;) (list 24))
    (type (;27;) (result 26 (error 25)))
    (type (;28;) (func (param "document" string) (param "ctx" 23) (result 27)))
    (export (;1;) "migrate" (func 0) (func (type 28)))
  )
  (instance $olive:plugin/migrator@0.1.0-shim-instance (;6;) (instantiate $olive:plugin/migrator@0.1.0-shim-component
      (with "import-func-migrate" (func $migrate))
      (with "import-type-context" (type $context))
      (with "import-type-severity" (type $severity))
      (with "import-type-applicability" (type $applicability))
      (with "import-type-fix" (type $fix))
      (with "import-type-related" (type $related))
      (with "import-type-diagnostic" (type $diagnostic))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-diagnostic0" (type $diagnostic))
      (with "import-type-plugin-error0" (type $plugin-error))
    )
  )
  (export $olive:plugin/migrator@0.1.0 (;7;) "olive:plugin/migrator@0.1.0" (instance $olive:plugin/migrator@0.1.0-shim-instance))
  (type (;25;) (list 10))
  (type (;26;) (result 25 (error $plugin-error)))
  (type (;27;) (func (param "document" string) (param "at" string) (param "ctx" $context) (result 26)))
  (alias core export $main "olive:plugin/completer@0.1.0#complete" (core func $olive:plugin/completer@0.1.0#complete (;7;)))
  (func $complete (;5;) (type 27) (canon lift (core func $olive:plugin/completer@0.1.0#complete) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/completer@0.1.0-shim-component (;3;)
    (type (;0;) (option string))
    (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
    (import "import-type-context" (type (;2;) (eq 1)))
    (type (;3;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
    (import "import-type-plugin-error" (type (;4;) (eq 3)))
    (import "import-type-context0" (type (;5;) (eq 2)))
    (type (;6;) (record (field "label" string) (field "insert" string) (field "detail" 0) (field "documentation" 0)))
    (import "import-type-completion" (type (;7;) (eq 6)))
    (type (;8;) (list 7))
    (import "import-type-plugin-error0" (type (;9;) (eq 4)))
    (type (;10;) (result 8 (error 9)))
    (type (;11;) (func (param "document" string) (param "at" string) (param "ctx" 5) (result 10)))
    (import "import-func-complete" (func (;0;) (type 11)))
    (export (;12;) "context" (type 2))
    (export (;13;) "plugin-error" (type 4))
    (type (;14;) (record (field "label" string) (field "insert" string) (field "detail" 0) (field "documentation" 0)))
    (export (;15;) "completion" (type 14))
    (type (;16;) (list 15))
    (type (;17;) (result 16 (error 13)))
    (type (;18;) (func (param "document" string) (param "at" string) (param "ctx" 12) (result 17)))
    (export (;1;) "complete" (func 0) (func (type 18)))
  )
  (instance $olive:plugin/completer@0.1.0-shim-instance (;8;) (instantiate $olive:plugin/completer@0.1.0-shim-component
      (with "import-func-complete" (func $complete))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-completion" (type 10))
      (with "import-type-plugin-error0" (type $plugin-error))
    )
  )
  (export $olive:plugin/completer@0.1.0 (;9;) "olive:plugin/completer@0.1.0" (instance $olive:plugin/completer@0.1.0-shim-instance))
  (type (;28;) (option 11))
  (type (;29;) (list 28))
  (type (;30;) (result 29 (error $plugin-error)))
  (type (;31;) (func (param "document" string) (param "ctx" $context) (result 30)))
  (alias core export $main "olive:plugin/planner@0.1.0#estimate" (core func $olive:plugin/planner@0.1.0#estimate (;8;)))
  (func $estimate (;6;) (type 31) (canon lift (core func $olive:plugin/planner@0.1.0#estimate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/planner@0.1.0-shim-component (;4;)
    (type (;0;) (option string))
    (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
    (import "import-type-context" (type (;2;) (eq 1)))
    (type (;3;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
    (import "import-type-plugin-error" (type (;4;) (eq 3)))
    (import "import-type-context0" (type (;5;) (eq 2)))
    (type (;6;) (record (field "peak-host-bytes" u64) (field "peak-device-bytes" u64) (field "disk-bytes" u64) (field "flops" f64) (field "confidence" f64) (field "breakdown" string)))
    (import "import-type-cost" (type (;7;) (eq 6)))
    (type (;8;) (option 7))
    (type (;9;) (list 8))
    (import "import-type-plugin-error0" (type (;10;) (eq 4)))
    (type (;11;) (result 9 (error 10)))
    (type (;12;) (func (param "document" string) (param "ctx" 5) (result 11)))
    (import "import-func-estimate" (func (;0;) (type 12)))
    (export (;13;) "context" (type 2))
    (export (;14;) "plugin-error" (type 4))
    (type (;15;) (record (field "peak-host-bytes" u64) (field "peak-device-bytes" u64) (field "disk-bytes" u64) (field "flops" f64) (field "confidence" f64) (field "breakdown" string)))
    (export (;16;) "cost" (type 15))
    (type (;17;) (option 16))
    (type (;18;) (list 17))
    (type (;19;) (result 18 (error 14)))
    (type (;20;) (func (param "document" string) (param "ctx" 13) (result 19)))
    (export (;1;) "estimate" (func 0) (func (type 20)))
  )
  (instance $olive:plugin/planner@0.1.0-shim-instance (;10;) (instantiate $olive:plugin/planner@0.1.0-shim-component
      (with "import-func-estimate" (func $estimate))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-cost" (type 11))
      (with "import-type-plugin-error0" (type $plugin-error))
    )
  )
  (export $olive:plugin/planner@0.1.0 (;11;) "olive:plugin/planner@0.1.0" (instance $olive:plugin/planner@0.1.0-shim-instance))
  (@producers
    (processed-by "wit-component" "0.254.2")
  )
)
