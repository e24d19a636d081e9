(component
  (type $ty-olive:plugin/host@0.1.1 (;0;)
    (instance
      (type (;0;) (enum "error" "warning" "info" "debug"))
      (export (;1;) "level" (type (eq 0)))
      (type (;2;) (func (param "level" 1) (param "message" string)))
      (export (;0;) "log" (func (type 2)))
    )
  )
  (import "olive:plugin/host@0.1.1" (instance $olive:plugin/host@0.1.1 (;0;) (type $ty-olive:plugin/host@0.1.1)))
  (type $ty-olive:plugin/types@0.1.1 (;1;)
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
  (import "olive:plugin/types@0.1.1" (instance $olive:plugin/types@0.1.1 (;1;) (type $ty-olive:plugin/types@0.1.1)))
  (core module $main (;0;)
    (type (;0;) (func (param i32 i32 i32)))
    (type (;1;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;2;) (func (result i32)))
    (type (;3;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (type (;4;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (type (;5;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "olive:plugin/host@0.1.1" "log" (func $log (;0;) (type 0)))
    (memory (;0;) 2)
    (global $next (;0;) (mut i32) i32.const 2544)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 1))
    (export "olive:plugin/plugin@0.1.1#describe" (func 2))
    (export "olive:plugin/validator@0.1.1#config-schema" (func 3))
    (export "olive:plugin/validator@0.1.1#validate" (func 4))
    (export "olive:plugin/graph-pass@0.1.1#passes" (func 5))
    (export "olive:plugin/graph-pass@0.1.1#transform" (func 6))
    (export "olive:plugin/migrator@0.1.1#migrate" (func 7))
    (export "olive:plugin/completer@0.1.1#complete" (func 8))
    (export "olive:plugin/planner@0.1.1#estimate" (func 9))
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
      i32.const 2000
    )
    (func (;3;) (type 2) (result i32)
      i32.const 1304
    )
    (func (;4;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2
      i32.const 2048
      i32.const 5
      call $log
      i32.const 1684
      local.get 0
      i32.store
      i32.const 1688
      local.get 1
      i32.store
      i32.const 1692
      i32.const 1
      i32.store
      i32.const 1696
      local.get 10
      i32.store
      i32.const 1700
      local.get 11
      i32.store
      i32.const 1736
    )
    (func (;5;) (type 2) (result i32)
      i32.const 1464
    )
    (func (;6;) (type 4) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 1756
      local.get 4
      i32.store
      i32.const 1760
      local.get 5
      i32.store
      i32.const 1752
    )
    (func (;7;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2236
      local.get 0
      i32.store
      i32.const 2240
      local.get 1
      i32.store
      i32.const 2244
      i32.const 1
      i32.store
      i32.const 2248
      local.get 10
      i32.store
      i32.const 2252
      local.get 11
      i32.store
      i32.const 2288
    )
    (func (;8;) (type 5) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2336
      local.get 2
      i32.store
      i32.const 2340
      local.get 3
      i32.store
      i32.const 2376
    )
    (func (;9;) (type 3) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 2520
    )
    (data (;0;) (i32.const 1024) "workflow^0.1graph^0.1\00\00\00\00\04\00\00\08\00\00\00\08\04\00\00\04\00\00\00\0c\04\00\00\05\00\00\00\11\04\00\00\04\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\008\04\00\00\0a\00\00\00B\04\00\00\05\00\00\00G\04\00\00\0e\00\00\00\18\04\00\00\02\00\00\008\04\00\00\00\00\00\00U\04\00\00D\00\00\00{\22type\22: \22object\22, \22properties\22: {\22max_rank\22: {\22type\22: \22integer\22}}}\00\00\00\00\00\00\00\00\00\d0\04\00\00C\00\00\00\00\00\00\00\00\00\00\00(\05\00\00\00\00\00\00\00\00\00\00RenameInputsRename inputs of the graph.{\22type\22: \22object\22, \22properties\22: {\22prefix\22: {\22type\22: \22string\22}}}\008\05\00\00\0c\00\00\00D\05\00\00\1b\00\00\00_\05\00\00@\00\00\00\00\00\00\00\a0\05\00\00\01\00\00\00\00\00\00\00[]\00\00\00\00\00\00\00\00\00\00\c8\05\00\00\02\00\00\00\00\00\00\00/passes/lora/rtoo-large`r` is 9000; 256 is the mostchange it[{\22op\22: \22remove\22, \22path\22: \22/passes/lora/r\22}]\13\06\00\00\09\00\00\00\1c\06\00\00,\00\00\00\00\00\00\00/passes/loraset here\5c\06\00\00\0c\00\00\00h\06\00\00\08\00\00\00\e0\05\00\00\0e\00\00\00\00\00\00\00\ee\05\00\00\09\00\00\00\f7\05\00\00\1c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00H\06\00\00\01\00\00\00p\06\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\06\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00workflow^0.1graph^0.1\00\00\00\e8\06\00\00\08\00\00\00\f0\06\00\00\04\00\00\00\f4\06\00\00\05\00\00\00\f9\06\00\00\04\00\00\00migratorcompleterplannergraph-pass\00\00\00\00\00\00 \07\00\00\08\00\00\00(\07\00\00\09\00\00\001\07\00\00\07\00\00\008\07\00\00\0a\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\00h\07\00\00\0a\00\00\00r\07\00\00\05\00\00\00w\07\00\00\0e\00\00\00\00\07\00\00\02\00\00\00H\07\00\00\04\00\00\00\85\07\00\00D\00\00\00asked/passes/lora/rtoo-large`r` is 9000; 256 is the mostchange it[{\22op\22: \22remove\22, \22path\22: \22/passes/lora/r\22}]\00\00\008\08\00\00\09\00\00\00A\08\00\00,\00\00\00\00\00\00\00/passes/loraset here\84\08\00\00\0c\00\00\00\90\08\00\00\08\00\00\00\05\08\00\00\0e\00\00\00\00\00\00\00\13\08\00\00\09\00\00\00\1c\08\00\00\1c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00p\08\00\00\01\00\00\00\98\08\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\a8\08\00\00\01\00\00\00\00\00\00\0016rankRank of the *adapter*.\00\00\00\00\00\00\00\00\00\00\00\00\00\09\00\00\02\00\00\00\01\00\00\00\02\09\00\00\04\00\00\00\01\00\00\00\06\09\00\00\16\00\00\00\00\00\00\00 \09\00\00\01\00\00\00\00\00\00\00{\22weights\22: 5}\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\bc\a0e\01\00\00\00\05\00\00\00\00\00\00\00\07\00\00\00\00\00\00\00\00\00\a7\dc\f7P\15C\00\00\00\00\00\00\d0?X\09\00\00\0e\00\00\00\00\00\00\00h\09\00\00\02\00\00\00\00\00\00\00")
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
  (alias export $olive:plugin/types@0.1.1 "context" (type $context (;6;)))
  (alias export $olive:plugin/types@0.1.1 "diagnostic" (type $diagnostic (;7;)))
  (alias export $olive:plugin/types@0.1.1 "plugin-error" (type $plugin-error (;8;)))
  (type (;9;) (option string))
  (type (;10;) (record (field "label" string) (field "insert" string) (field "detail" 9) (field "documentation" 9)))
  (type (;11;) (record (field "peak-host-bytes" u64) (field "peak-device-bytes" u64) (field "disk-bytes" u64) (field "flops" f64) (field "confidence" f64) (field "breakdown" string)))
  (type (;12;) (record (field "name" string) (field "summary" string) (field "schema" string)))
  (alias core export $wit-component-shim-instance "0" (core func $indirect-olive:plugin/host@0.1.1-log (;0;)))
  (core instance $olive:plugin/host@0.1.1 (;1;)
    (export "log" (func $indirect-olive:plugin/host@0.1.1-log))
  )
  (core instance $main (;2;) (instantiate $main
      (with "olive:plugin/host@0.1.1" (instance $olive:plugin/host@0.1.1))
    )
  )
  (alias core export $main "memory" (core memory $memory (;0;)))
  (alias core export $wit-component-shim-instance "$imports" (core table $"shim table" (;0;)))
  (alias export $olive:plugin/host@0.1.1 "log" (func $log (;0;)))
  (alias core export $main "cabi_realloc" (core func $realloc (;1;)))
  (core func $"#core-func2 indirect-olive:plugin/host@0.1.1-log" (@name "indirect-olive:plugin/host@0.1.1-log") (;2;) (canon lower (func $log) (memory $memory) string-encoding=utf8))
  (core instance $fixup-args (;3;)
    (export "$imports" (table $"shim table"))
    (export "0" (func $"#core-func2 indirect-olive:plugin/host@0.1.1-log"))
  )
  (core instance $fixup (;4;) (instantiate $wit-component-fixup
      (with "" (instance $fixup-args))
    )
  )
  (type (;13;) (func (result 5)))
  (alias core export $main "olive:plugin/plugin@0.1.1#describe" (core func $olive:plugin/plugin@0.1.1#describe (;3;)))
  (func $describe (;1;) (type 13) (canon lift (core func $olive:plugin/plugin@0.1.1#describe) (memory $memory) string-encoding=utf8))
  (component $olive:plugin/plugin@0.1.1-shim-component (;0;)
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
  (instance $olive:plugin/plugin@0.1.1-shim-instance (;2;) (instantiate $olive:plugin/plugin@0.1.1-shim-component
      (with "import-func-describe" (func $describe))
      (with "import-type-manifest" (type 5))
    )
  )
  (export $olive:plugin/plugin@0.1.1 (;3;) "olive:plugin/plugin@0.1.1" (instance $olive:plugin/plugin@0.1.1-shim-instance))
  (type (;14;) (result string (error $plugin-error)))
  (type (;15;) (func (result 14)))
  (alias core export $main "olive:plugin/validator@0.1.1#config-schema" (core func $olive:plugin/validator@0.1.1#config-schema (;4;)))
  (func $config-schema (;2;) (type 15) (canon lift (core func $olive:plugin/validator@0.1.1#config-schema) (memory $memory) string-encoding=utf8))
  (type (;16;) (list $diagnostic))
  (type (;17;) (result 16 (error $plugin-error)))
  (type (;18;) (func (param "document" string) (param "ctx" $context) (result 17)))
  (alias core export $main "olive:plugin/validator@0.1.1#validate" (core func $olive:plugin/validator@0.1.1#validate (;5;)))
  (func $validate (;3;) (type 18) (canon lift (core func $olive:plugin/validator@0.1.1#validate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (alias export $olive:plugin/types@0.1.1 "severity" (type $severity (;19;)))
  (alias export $olive:plugin/types@0.1.1 "applicability" (type $applicability (;20;)))
  (alias export $olive:plugin/types@0.1.1 "fix" (type $fix (;21;)))
  (alias export $olive:plugin/types@0.1.1 "related" (type $related (;22;)))
  (component $olive:plugin/validator@0.1.1-shim-component (;1;)
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
  (instance $olive:plugin/validator@0.1.1-shim-instance (;4;) (instantiate $olive:plugin/validator@0.1.1-shim-component
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
  (export $olive:plugin/validator@0.1.1 (;5;) "olive:plugin/validator@0.1.1" (instance $olive:plugin/validator@0.1.1-shim-instance))
  (type (;23;) (list $diagnostic))
  (type (;24;) (result 23 (error $plugin-error)))
  (type (;25;) (func (param "document" string) (param "ctx" $context) (result 24)))
  (alias core export $main "olive:plugin/migrator@0.1.1#migrate" (core func $olive:plugin/migrator@0.1.1#migrate (;6;)))
  (func $migrate (;4;) (type 25) (canon lift (core func $olive:plugin/migrator@0.1.1#migrate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/migrator@0.1.1-shim-component (;2;)
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
  (instance $olive:plugin/migrator@0.1.1-shim-instance (;6;) (instantiate $olive:plugin/migrator@0.1.1-shim-component
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
  (export $olive:plugin/migrator@0.1.1 (;7;) "olive:plugin/migrator@0.1.1" (instance $olive:plugin/migrator@0.1.1-shim-instance))
  (type (;26;) (list 10))
  (type (;27;) (result 26 (error $plugin-error)))
  (type (;28;) (func (param "document" string) (param "at" string) (param "ctx" $context) (result 27)))
  (alias core export $main "olive:plugin/completer@0.1.1#complete" (core func $olive:plugin/completer@0.1.1#complete (;7;)))
  (func $complete (;5;) (type 28) (canon lift (core func $olive:plugin/completer@0.1.1#complete) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/completer@0.1.1-shim-component (;3;)
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
  (instance $olive:plugin/completer@0.1.1-shim-instance (;8;) (instantiate $olive:plugin/completer@0.1.1-shim-component
      (with "import-func-complete" (func $complete))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-completion" (type 10))
      (with "import-type-plugin-error0" (type $plugin-error))
    )
  )
  (export $olive:plugin/completer@0.1.1 (;9;) "olive:plugin/completer@0.1.1" (instance $olive:plugin/completer@0.1.1-shim-instance))
  (type (;29;) (option 11))
  (type (;30;) (list 29))
  (type (;31;) (result 30 (error $plugin-error)))
  (type (;32;) (func (param "document" string) (param "ctx" $context) (result 31)))
  (alias core export $main "olive:plugin/planner@0.1.1#estimate" (core func $olive:plugin/planner@0.1.1#estimate (;8;)))
  (func $estimate (;6;) (type 32) (canon lift (core func $olive:plugin/planner@0.1.1#estimate) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/planner@0.1.1-shim-component (;4;)
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
  (instance $olive:plugin/planner@0.1.1-shim-instance (;10;) (instantiate $olive:plugin/planner@0.1.1-shim-component
      (with "import-func-estimate" (func $estimate))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-context0" (type $context))
      (with "import-type-cost" (type 11))
      (with "import-type-plugin-error0" (type $plugin-error))
    )
  )
  (export $olive:plugin/planner@0.1.1 (;11;) "olive:plugin/planner@0.1.1" (instance $olive:plugin/planner@0.1.1-shim-instance))
  (type (;33;) (list 12))
  (type (;34;) (result 33 (error $plugin-error)))
  (type (;35;) (func (result 34)))
  (alias core export $main "olive:plugin/graph-pass@0.1.1#passes" (core func $olive:plugin/graph-pass@0.1.1#passes (;9;)))
  (func $passes (;7;) (type 35) (canon lift (core func $olive:plugin/graph-pass@0.1.1#passes) (memory $memory) string-encoding=utf8))
  (type (;36;) (result string (error $plugin-error)))
  (type (;37;) (func (param "name" string) (param "graph" string) (param "config" string) (param "ctx" $context) (result 36)))
  (alias core export $main "olive:plugin/graph-pass@0.1.1#transform" (core func $olive:plugin/graph-pass@0.1.1#transform (;10;)))
  (func $transform (;8;) (type 37) (canon lift (core func $olive:plugin/graph-pass@0.1.1#transform) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (component $olive:plugin/graph-pass@0.1.1-shim-component (;5;)
    (type (;0;) (option string))
    (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
    (import "import-type-context" (type (;2;) (eq 1)))
    (type (;3;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
    (import "import-type-plugin-error" (type (;4;) (eq 3)))
    (type (;5;) (record (field "name" string) (field "summary" string) (field "schema" string)))
    (import "import-type-pass-info" (type (;6;) (eq 5)))
    (type (;7;) (list 6))
    (import "import-type-plugin-error0" (type (;8;) (eq 4)))
    (type (;9;) (result 7 (error 8)))
    (type (;10;) (func (result 9)))
    (import "import-func-passes" (func (;0;) (type 10)))
    (import "import-type-context0" (type (;11;) (eq 2)))
    (type (;12;) (result string (error 8)))
    (type (;13;) (func (param "name" string) (param "graph" string) (param "config" string) (param "ctx" 11) (result 12)))
    (import "import-func-transform" (func (;1;) (type 13)))
    (export (;14;) "context" (type 2))
    (export (;15;) "plugin-error" (type 4))
    (type (;16;) (record (field "name" string) (field "summary" string) (field "schema" string)))
    (export (;17;) "pass-info" (type 16))
    (type (;18;) (list 17))
    (type (;19;) (result 18 (error 15)))
    (type (;20;) (func (result 19)))
    (export (;2;) "passes" (func 0) (func (type 20)))
    (type (;21;) (result string (error 15)))
    (type (;22;) (func (param "name" string) (param "graph" string) (param "config" string) (param "ctx" 14) (result 21)))
    (export (;3;) "transform" (func 1) (func (type 22)))
  )
  (instance $olive:plugin/graph-pass@0.1.1-shim-instance (;12;) (instantiate $olive:plugin/graph-pass@0.1.1-shim-component
      (with "import-func-passes" (func $passes))
      (with "import-func-transform" (func $transform))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-pass-info" (type 12))
      (with "import-type-plugin-error0" (type $plugin-error))
      (with "import-type-context0" (type $context))
    )
  )
  (export $olive:plugin/graph-pass@0.1.1 (;13;) "olive:plugin/graph-pass@0.1.1" (instance $olive:plugin/graph-pass@0.1.1-shim-instance))
  (@producers
    (processed-by "wit-component" "0.254.2")
  )
)
