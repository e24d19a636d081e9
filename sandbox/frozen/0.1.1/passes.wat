(component
  (type $ty-olive:plugin/types@0.1.1 (;0;)
    (instance
      (type (;0;) (option string))
      (type (;1;) (record (field "document-kind" string) (field "document-version" string) (field "locale" 0) (field "strict" bool) (field "facts" string)))
      (export (;2;) "context" (type (eq 1)))
      (type (;3;) (variant (case "unsupported-document" string) (case "invalid-input" string) (case "internal" string)))
      (export (;4;) "plugin-error" (type (eq 3)))
    )
  )
  (import "olive:plugin/types@0.1.1" (instance $olive:plugin/types@0.1.1 (;0;) (type $ty-olive:plugin/types@0.1.1)))
  (core module $main (;0;)
    (type (;0;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;1;) (func (result i32)))
    (type (;2;) (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (;0;) 2)
    (global $next (;0;) (mut i32) i32.const 1520)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 0))
    (export "olive:plugin/plugin@0.1.1#describe" (func 1))
    (export "olive:plugin/graph-pass@0.1.1#passes" (func 2))
    (export "olive:plugin/graph-pass@0.1.1#transform" (func 3))
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
      i32.const 1464
    )
    (func (;3;) (type 2) (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 1508
      local.get 4
      i32.store
      i32.const 1512
      local.get 5
      i32.store
      i32.const 1504
    )
    (data (;0;) (i32.const 1024) "workflow^0.1graph^0.1\00\00\00\00\04\00\00\08\00\00\00\08\04\00\00\04\00\00\00\0c\04\00\00\05\00\00\00\11\04\00\00\04\00\00\00acme-rules1.2.3Rules of Acme.{\22rules\22: [{\22code\22: \22too-large\22, \22summary\22: \22a rank is too large\22}]}\00\00\00\00\00\00\008\04\00\00\0a\00\00\00B\04\00\00\05\00\00\00G\04\00\00\0e\00\00\00\18\04\00\00\02\00\00\008\04\00\00\00\00\00\00U\04\00\00D\00\00\00{\22type\22: \22object\22, \22properties\22: {\22max_rank\22: {\22type\22: \22integer\22}}}\00\00\00\00\00\00\00\00\00\d0\04\00\00C\00\00\00\00\00\00\00\00\00\00\00(\05\00\00\00\00\00\00\00\00\00\00RenameInputsRename inputs of the graph.{\22type\22: \22object\22, \22properties\22: {\22prefix\22: {\22type\22: \22string\22}}}\008\05\00\00\0c\00\00\00D\05\00\00\1b\00\00\00_\05\00\00@\00\00\00\00\00\00\00\a0\05\00\00\01\00\00\00\00\00\00\00[]\00\00\00\00\00\00\00\00\00\00\c8\05\00\00\02\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
    (@producers
      (processed-by "wit-component" "0.254.2")
    )
  )
  (type (;1;) (tuple string string))
  (type (;2;) (list 1))
  (type (;3;) (list string))
  (type (;4;) (record (field "id" string) (field "version" string) (field "description" string) (field "accepts" 2) (field "provides" 3) (field "extra" string)))
  (alias export $olive:plugin/types@0.1.1 "context" (type $context (;5;)))
  (alias export $olive:plugin/types@0.1.1 "plugin-error" (type $plugin-error (;6;)))
  (type (;7;) (record (field "name" string) (field "summary" string) (field "schema" string)))
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
  (type (;9;) (list 7))
  (type (;10;) (result 9 (error $plugin-error)))
  (type (;11;) (func (result 10)))
  (alias core export $main "olive:plugin/graph-pass@0.1.1#passes" (core func $olive:plugin/graph-pass@0.1.1#passes (;2;)))
  (func $passes (;1;) (type 11) (canon lift (core func $olive:plugin/graph-pass@0.1.1#passes) (memory $memory) string-encoding=utf8))
  (type (;12;) (result string (error $plugin-error)))
  (type (;13;) (func (param "name" string) (param "graph" string) (param "config" string) (param "ctx" $context) (result 12)))
  (alias core export $main "olive:plugin/graph-pass@0.1.1#transform" (core func $olive:plugin/graph-pass@0.1.1#transform (;3;)))
  (func $transform (;2;) (type 13) (canon lift (core func $olive:plugin/graph-pass@0.1.1#transform) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (component $olive:plugin/graph-pass@0.1.1-shim-component (;1;)
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
  (instance $olive:plugin/graph-pass@0.1.1-shim-instance (;3;) (instantiate $olive:plugin/graph-pass@0.1.1-shim-component
      (with "import-func-passes" (func $passes))
      (with "import-func-transform" (func $transform))
      (with "import-type-context" (type $context))
      (with "import-type-plugin-error" (type $plugin-error))
      (with "import-type-pass-info" (type 7))
      (with "import-type-plugin-error0" (type $plugin-error))
      (with "import-type-context0" (type $context))
    )
  )
  (export $olive:plugin/graph-pass@0.1.1 (;4;) "olive:plugin/graph-pass@0.1.1" (instance $olive:plugin/graph-pass@0.1.1-shim-instance))
  (@producers
    (processed-by "wit-component" "0.254.2")
  )
)
