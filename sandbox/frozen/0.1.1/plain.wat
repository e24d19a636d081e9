(component
  (type $ty-olive:plugin/types@0.1.1 (;0;)
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
  (import "olive:plugin/types@0.1.1" (instance $olive:plugin/types@0.1.1 (;0;) (type $ty-olive:plugin/types@0.1.1)))
  (core module $main (;0;)
    (type (;0;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;1;) (func (result i32)))
    (type (;2;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (;0;) 2)
    (global $next (;0;) (mut i32) i32.const 1760)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 0))
    (export "olive:plugin/plugin@0.1.1#describe" (func 1))
    (export "olive:plugin/validator@0.1.1#config-schema" (func 2))
    (export "olive:plugin/validator@0.1.1#validate" (func 3))
    (func (;0;) (type 0) (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
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
    (func (;1;) (type 1) (result i32)
      i32.const 1184
    )
    (func (;2;) (type 1) (result i32)
      i32.const 1304
    )
    (func (;3;) (type 2) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
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
    (data (;0;) (i32.const 1024) "workflow^0.1graph^0.1\00\00\00\00\04\00\00\08\00\00\00\08\04\00\00\04\00\00\00\0c\04\00\00\05\00\00\00\11\04\00\00\04\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\008\04\00\00\0a\00\00\00B\04\00\00\05\00\00\00G\04\00\00\0e\00\00\00\18\04\00\00\02\00\00\008\04\00\00\00\00\00\00U\04\00\00D\00\00\00{\22type\22: \22object\22, \22properties\22: {\22max_rank\22: {\22type\22: \22integer\22}}}\00\00\00\00\00\00\00\00\00\d0\04\00\00C\00\00\00\00\00\00\00\00\00\00\00(\05\00\00\00\00\00\00\00\00\00\00RenameInputsRename inputs of the graph.{\22type\22: \22object\22, \22properties\22: {\22prefix\22: {\22type\22: \22string\22}}}\008\05\00\00\0c\00\00\00D\05\00\00\1b\00\00\00_\05\00\00@\00\00\00\00\00\00\00\a0\05\00\00\01\00\00\00\00\00\00\00[]\00\00\00\00\00\00\00\00\00\00\c8\05\00\00\02\00\00\00\00\00\00\00/passes/lora/rtoo-large`r` is 9000; 256 is the mostchange it[{\22op\22: \22remove\22, \22path\22: \22/passes/lora/r\22}]\13\06\00\00\09\00\00\00\1c\06\00\00,\00\00\00\00\00\00\00/passes/loraset here\5c\06\00\00\0c\00\00\00h\06\00\00\08\00\00\00\e0\05\00\00\0e\00\00\00\00\00\00\00\ee\05\00\00\09\00\00\00\f7\05\00\00\1c\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00H\06\00\00\01\00\00\00p\06\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\06\00\00\01\00\00\00\00\00\00\00")
    (@producers
      (processed-by "wit-component" "0.254.2")
    )
  )
  (type (;1;) (tuple string string))
  (type (;2;) (list 1))
  (type (;3;) (list string))
  (type (;4;) (record (field "id" string) (field "version" string) (field "description" string) (field "accepts" 2) (field "provides" 3) (field "extra" string)))
  (alias export $olive:plugin/types@0.1.1 "context" (type $context (;5;)))
  (alias export $olive:plugin/types@0.1.1 "diagnostic" (type $diagnostic (;6;)))
  (alias export $olive:plugin/types@0.1.1 "plugin-error" (type $plugin-error (;7;)))
  (core instance $main (;0;) (instantiate $main))
  (alias core export $main "memory" (core memory $memory (;0;)))
  (type (;8;) (func (result 4)))
  (alias core export $main "olive:plugin/plugin@0.1.1#describe" (core func $olive:plugin/plugin@0.1.1#describe (;0;)))
  (alias core export $main "cabi_realloc" (core func $cabi_realloc (;1;)))
  (func $describe (;0;) (type 8) (canon lift (core func $olive:plugin/plugin@0.1.1#describe) (memory $memory) string-encoding=utf8))
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
  (instance $olive:plugin/plugin@0.1.1-shim-instance (;1;) (instantiate $olive:plugin/plugin@0.1.1-shim-component
      (with "import-func-describe" (func $describe))
      (with "import-type-manifest" (type 4))
    )
  )
  (export $olive:plugin/plugin@0.1.1 (;2;) "olive:plugin/plugin@0.1.1" (instance $olive:plugin/plugin@0.1.1-shim-instance))
  (type (;9;) (result string (error $plugin-error)))
  (type (;10;) (func (result 9)))
  (alias core export $main "olive:plugin/validator@0.1.1#config-schema" (core func $olive:plugin/validator@0.1.1#config-schema (;2;)))
  (func $config-schema (;1;) (type 10) (canon lift (core func $olive:plugin/validator@0.1.1#config-schema) (memory $memory) string-encoding=utf8))
  (type (;11;) (list $diagnostic))
  (type (;12;) (result 11 (error $plugin-error)))
  (type (;13;) (func (param "document" string) (param "ctx" $context) (result 12)))
  (alias core export $main "olive:plugin/validator@0.1.1#validate" (core func $olive:plugin/validator@0.1.1#validate (;3;)))
  (func $validate (;2;) (type 13) (canon lift (core func $olive:plugin/validator@0.1.1#validate) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $olive:plugin/types@0.1.1 "severity" (type $severity (;14;)))
  (alias export $olive:plugin/types@0.1.1 "applicability" (type $applicability (;15;)))
  (alias export $olive:plugin/types@0.1.1 "fix" (type $fix (;16;)))
  (alias export $olive:plugin/types@0.1.1 "related" (type $related (;17;)))
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
  (instance $olive:plugin/validator@0.1.1-shim-instance (;3;) (instantiate $olive:plugin/validator@0.1.1-shim-component
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
  (export $olive:plugin/validator@0.1.1 (;4;) "olive:plugin/validator@0.1.1" (instance $olive:plugin/validator@0.1.1-shim-instance))
  (@producers
    (processed-by "wit-component" "0.254.2")
  )
)
