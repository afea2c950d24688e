// The shapes that the kernels are tried at: one, odd, just around vector widths and block sizes, and GPT-2's widths.
#pragma once

#include <string>
#include <vector>

namespace kumiko {

inline const std::vector<std::string>& tried_cases() {
  static const std::vector<std::string> cases = {
      "linear_forward:T=1,N=1,K=1",
      "linear_forward:T=1,N=768,K=768",
      "linear_forward:T=7,N=33,K=65",
      "linear_forward:T=7,N=33,K=65,bias=0,accumulate=1",
      "linear_forward:T=100,N=257,K=129,accumulate=1",
      "linear_forward:T=64,N=2304,K=768",
      "linear_backward_input:T=1,N=1,K=1",
      "linear_backward_input:T=7,N=33,K=65",
      "linear_backward_input:T=100,N=257,K=129,accumulate=1",
      "linear_backward_input:T=64,N=768,K=3072",
      "linear_backward_weight:T=1,N=1,K=1",
      "linear_backward_weight:T=7,N=33,K=65,bias=0",
      "linear_backward_weight:T=100,N=257,K=129",
      "linear_backward_weight:T=3000,N=48,K=65",
      "linear_backward_weight:T=300,N=768,K=64",
      "linear_forward:T=6,N=100,K=33,accumulate=1",
      "linear_forward:T=151,N=300,K=4200,accumulate=1",
      "linear_backward_input:T=290,N=515,K=270",
      "linear_backward_weight:T=4500,N=150,K=20",
      "linear_forward_terms:T=1,N=1,count=1",
      "linear_forward_terms:T=5,N=33,count=17,first_term=3,terms=29,first_column=7,columns=31",
      "linear_forward_terms:T=20,N=50,count=1500,terms=1503,first_column=1,columns=1504,bias=0,accumulate=1",
      "linear_backward_input_terms:T=1,N=1,count=1",
      "linear_backward_input_terms:T=5,N=33,count=17,first_term=3,terms=29,first_column=7,columns=31",
      "linear_backward_input_terms:T=20,N=50,count=1500,first_term=2,first_column=1,columns=1504,accumulate=1",
      "linear_gelu_forward:T=1,N=1,K=1",
      "linear_gelu_forward:T=7,N=33,K=65",
      "linear_gelu_forward:T=150,N=300,K=300,bias=0",
      "linear_gelu_backward_input:T=7,N=33,K=65",
      "linear_gelu_backward_input:T=150,N=300,K=530",
      "linear_gelu_backward_weight:T=7,N=33,K=65",
      "linear_gelu_backward_weight:T=300,N=257,K=129,bias=0",
      "layer_norm_forward:T=1,H=1",
      "layer_norm_forward:T=5,H=37",
      "layer_norm_forward:T=300,H=768",
      "layer_norm_backward:T=1,H=5",
      "layer_norm_backward:T=5,H=37",
      "layer_norm_backward:T=300,H=768,accumulate=1",
      "layer_norm_backward:T=1000,H=130",
      "rms_norm_forward:T=1,H=1",
      "rms_norm_forward:T=5,H=37",
      "rms_norm_forward:T=300,H=768",
      "rms_norm_backward:T=1,H=5",
      "rms_norm_backward:T=5,H=37",
      "rms_norm_backward:T=300,H=768,accumulate=1",
      "swiglu_forward:T=1,F=1",
      "swiglu_forward:T=7,F=37",
      "swiglu_backward:T=1,F=1",
      "swiglu_backward:T=7,F=37",
      "rotate:B=1,S=1,A=1,D=2",
      "rotate:B=2,S=9,A=3,D=14,before=5,first_position=4",
      "rotate:B=1,S=70,A=2,D=128,inverse=1",
      "gelu_forward:elements=1",
      "gelu_forward:elements=12345",
      "gelu_backward:elements=1",
      "gelu_backward:elements=12345",
      "embedding_forward:B=1,S=1,V=1,H=1",
      "embedding_forward:B=3,S=17,V=29,H=37,first_token=11",
      "embedding_forward:B=2,S=64,V=1000,H=768,positions=0",
      "embedding_backward:B=1,S=1,V=1,H=1",
      "embedding_backward:B=3,S=17,V=29,H=37,first_token=11",
      "embedding_backward:B=2,S=64,V=30,H=768,positions=0",
      "embedding_backward:B=8,S=100,V=700,H=130",
      "embedding_forward:B=3,S=17,V=29,H=37,own_positions=1",
      "embedding_backward:B=3,S=17,V=29,H=37,own_positions=1",
      "cross_entropy_statistics:T=1,V=1",
      "cross_entropy_statistics:T=9,V=37,padding=5",
      "cross_entropy_statistics:T=50,V=5003,first_token=1000",
      "cross_entropy_gradient:T=1,V=1",
      "cross_entropy_gradient:T=9,V=37,padding=5",
      "cross_entropy_gradient:T=50,V=5003,padding=3,first_token=1000",
      "dropout:T=1,H=1",
      "dropout:T=7,H=37,first_row=3,first_column=5,more_columns=11",
      "dropout:T=20,H=768,accumulate=1",
      "dropout:T=3,H=100,dropout_percent=0",
      "dropout:T=9,H=64,first_row=123456789012,more_columns=50000",
      "add:elements=1",
      "add:elements=100003",
      "scale:elements=1",
      "scale:elements=100003",
      "sum_of_squares:elements=1",
      "sum_of_squares:elements=1000003",
      "add_squares:elements=1",
      "add_squares:elements=1000003",
      "adamw:elements=1",
      "adamw:elements=100003",
      "sgd:elements=1",
      "sgd:elements=100003",
      "sgd:elements=1003,momentum=0",
  };
  return cases;
}

inline const std::vector<std::string>& tried_attention() {
  static const std::vector<std::string> cases = [] {
    std::vector<std::string> list;
    for (const char* kernel : {"attention_forward", "attention_backward"}) {
      for (const char* sizes : {
               "B=1,Sq=1,A=1,D=1",
               "B=2,Sq=5,A=3,D=7",
               "B=1,Sq=64,A=2,D=64,fused=1",
               "B=2,Sq=65,A=2,D=64,fused=1",
               "B=1,Sq=200,A=1,D=33,causal=0",
               "B=1,Sq=130,A=4,Akv=2,D=16",
               "B=2,Sq=97,A=6,Akv=2,D=80,fused=1,dropout_percent=20",
               "B=1,Sq=300,A=2,D=128,dropout_percent=10",
               "B=1,Sq=257,A=1,D=8",
               "B=1,Sq=140,A=2,D=256",
               "B=2,Sq=70,A=2,D=33,document=9,fused=1",
               "B=2,Sq=290,A=2,Akv=1,D=40,document=40",
               "B=3,Sq=400,A=1,D=24,document=300",
               "B=1,Sq=310,A=2,D=64,window=50",
               "B=1,Sq=300,A=1,D=32,window=2",
               "B=2,Sq=500,A=1,D=16,window=200,document=150",
               "B=1,Sq=200,A=1,D=33,causal=0,document=60",
               "B=2,Sq=200,A=2,D=80,document=30,dropout_percent=20",
           }) {
        list.push_back(std::string(kernel) + ":" + sizes);
      }
    }
    // With a window of 1 the exact gradients of q and k are zero.
    for (const char* sizes : {"B=3,Sq=1,Sk=77,A=2,D=64", "B=1,Sq=5,Sk=130,A=4,Akv=1,D=32", "B=1,Sq=70,Sk=200,A=2,D=64",
                              "B=1,Sq=3,Sk=150,A=2,D=64,causal=0", "B=2,Sq=1,Sk=90,A=2,D=40,window=33",
                              "B=1,Sq=300,A=1,D=32,window=1", "B=2,Sq=6,Sk=300,A=4,Akv=2,D=32,window=120,document=100",
                              "B=1,Sq=130,Sk=400,A=2,D=64,window=150", "B=2,Sq=9,Sk=250,A=1,D=20,document=20"}) {
      list.push_back(std::string("attention_forward:") + sizes);
    }
    return list;
  }();
  return cases;
}

}  // namespace kumiko
